"""What the judge sees, as arrays that can be kept, and the drawings it sees beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from avatar.judge import Judge, Judgement, judge_images
from avatar.people import draw, sample_identity
from components import Arrays
from eval.cases import Ask

FEATURES = "judge.features"
_TABLES = "judge.probabilities."


def digest(judge: Judge) -> str:
    """A name for a judge: what is kept of its readings holds for no other."""
    total = hashlib.sha256()
    for name, value in judge.state_dict().items():
        total.update(name.encode() + value.contiguous().numpy().tobytes())
    return total.hexdigest()[:20]


def see(judge: Judge, avatars: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Judge pictures, each (1,3,256,256) in [0,1]; what is no number counts as black."""
    images = np.nan_to_num(np.concatenate(avatars), nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1)
    seen = judge_images(judge, torch.from_numpy(images.astype(np.float32)))
    return {
        FEATURES: seen.features,
        **{f"{_TABLES}{name}": table for name, table in seen.probabilities.items()},
    }


def stacked(parts: Sequence[Arrays]) -> dict[str, np.ndarray]:
    """Several batches, one after the other, as one."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def joined(parts: Sequence[Arrays]) -> Judgement:
    """The judgement of several batches, one after the other."""
    arrays = stacked(parts)
    features = arrays.pop(FEATURES)
    tables = {name.removeprefix(_TABLES): table for name, table in arrays.items()}
    return Judgement(features=features, probabilities=tables)


def drawings(judge: Judge, asks: Sequence[Ask]) -> Mapping[str, np.ndarray]:
    """What the judge sees in the designers' drawings of the same people and styles."""
    pictures = [draw(sample_identity(ask.shown.person), ask.style, ask.seed) for ask in asks]
    return see(judge, [picture.transpose(2, 0, 1)[None] / 255 for picture in pictures])
