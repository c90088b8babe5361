"""What the judge sees in pictures, as arrays that can be kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from avatar.judge import Judge, Judgement, judge_images
from avatar.people import draw, sample_identity
from components import Arrays
from eval.pipelines.avatar.cases import AvatarCase

PREFIX = "judge."
"""What the names of all these arrays begin with."""
FEATURES = f"{PREFIX}features"
_TABLES = f"{PREFIX}probabilities."


def digest(judge: Judge) -> str:
    """A name for a judge: what is kept of its readings holds for no other one."""
    total = hashlib.sha256()
    for name, value in judge.state_dict().items():
        total.update(name.encode() + value.contiguous().numpy().tobytes())
    return total.hexdigest()[:20]


def see(judge: Judge, avatars: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """What the judge sees in pictures.

    Args:
        judge: The judge.
        avatars: The pictures, each (1,3,256,256) in [0,1]; what is no number counts as black.
    """
    images = np.nan_to_num(np.concatenate(avatars), nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1)
    seen = judge_images(judge, torch.from_numpy(images.astype(np.float32)))
    return {
        FEATURES: seen.features,
        **{f"{_TABLES}{name}": table for name, table in seen.probabilities.items()},
    }


def see_drawings(judge: Judge, runs: Sequence[AvatarCase]) -> Mapping[str, np.ndarray]:
    """What the judge sees in the designers' drawings of the same people in the same styles."""
    pictures = [draw(sample_identity(run.selfies.person), run.style, run.seed) for run in runs]
    return see(judge, [picture.transpose(2, 0, 1)[None] / 255 for picture in pictures])


def joined(parts: Sequence[Arrays]) -> Judgement:
    """The judgement of several batches, one after the other."""
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    features = arrays.pop(FEATURES)
    tables = {name.removeprefix(_TABLES): table for name, table in arrays.items()}
    return Judgement(features=features, probabilities=tables)
