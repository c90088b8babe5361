"""Training the judge: labels of made people, read off their selfies and their drawings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from rich.table import Table
from torch import Tensor, nn

from avatar.judge import CLASS_COUNTS, KINDS, SIZE, Judge, look_at
from avatar.people.identity import ATTRIBUTES
from avatar.people.styles import STYLES
from avatar.scorecard import Examiner
from components import atomic
from distillation.autoencoder import pictures, tile
from distillation.data import People
from distillation.errors import RunError
from distillation.pairs import draw_selfies
from distillation.scoring import asked_of, judged_drawings
from distillation.training import Batch

Hits = NDArray[np.float64]

CEILING = "ceiling.json"

SELFIES = 0.25
"""Share of selfies in a batch; the rest are drawings."""

SHIFT, TINT, NOISE = 10, 0.02, 0.03


class JudgeTask:
    """Classify pictures by the true labels of their person, shown or not: what a drawing hides, the
    judge learns to be unsure of. Pictures are moved, tinted, blurred and made noisy, so that a
    generated one is no stranger than a drawn one."""

    def __init__(self, network: Judge, people: People) -> None:
        """`people` with selfies and drawings."""
        self.network, self.people = network, people

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """ "images" (batch,3,256,256), about in [0,1], and "labels" (batch, 1 + attributes)."""
        count = round(SELFIES * batch)
        persons = rng.integers(len(self.people), size=count)
        selfies, _ = draw_selfies(self.people, persons, rng, most=1)
        chosen = rng.integers(len(self.people.avatars), size=batch - count)
        entries = [self.people.avatars[index] for index in chosen]
        drawn = pictures([entry.pixels() for entry in entries])
        kinds = [len(KINDS) - 1] * count + [entry.style for entry in entries]
        owners = [*persons, *(entry.person for entry in entries)]
        labels = np.concatenate([np.array(kinds)[:, None], self.people.labels[owners]], axis=1)
        seen = F.interpolate(selfies[:, 0], SIZE, mode="nearest")
        images = disturbed(torch.cat([seen, drawn]), rng)
        return {"images": images, "labels": torch.from_numpy(labels)}

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        _, logits = network(batch["images"])
        parts = logits.split(CLASS_COUNTS, dim=1)
        columns = batch["labels"].T
        errors = [F.cross_entropy(part, label) for part, label in zip(parts, columns, strict=True)]
        right = [
            (part.argmax(1) == label).float().mean()
            for part, label in zip(parts, columns, strict=True)
        ]
        return {"loss": torch.stack(errors).sum(), "right": torch.stack(right).mean()}

    def grid(self) -> Image.Image:
        return tile([self.draw(np.random.default_rng(0), 8)["images"]])


def disturbed(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Pictures a little moved and tinted, every third one blurred, every third one noisy."""
    count, side = len(images), images.shape[-1]
    shifts = rng.integers(-SHIFT, SHIFT + 1, size=(count, 2)).tolist()
    out = torch.stack([image.roll(s, (1, 2)) for image, s in zip(images, shifts, strict=True)])
    out += torch.from_numpy(rng.normal(0, TINT, (count, 3, 1, 1)).astype(np.float32))
    blurred, noisy = torch.from_numpy(rng.random((2, count)) < 1 / 3)
    strength = torch.from_numpy(rng.uniform(0, 1, (int(blurred.sum()), 1, 1, 1)).astype(np.float32))
    soft = F.interpolate(F.avg_pool2d(out[blurred], 4), side, mode="bilinear")
    out[blurred] = out[blurred].lerp(soft, strength)
    strength = torch.from_numpy(rng.uniform(0, NOISE, (int(noisy.sum()), 1, 1, 1))).float()
    out[noisy] += strength * torch.from_numpy(rng.standard_normal(out[noisy].shape, np.float32))
    return out


def ceiling(judge: Judge, people: People) -> dict[str, dict[str, float]]:
    """What the judge makes of held-out people's drawings and selfies.

    By kind of picture: the share read right of each attribute it shows, of all of them
    ("accuracy"), and how often the right one of 100 people is found in another style
    ("retrieval"); under "drawings" the same over all styles.
    """
    asked, drawn = asked_of(people), judged_drawings(judge, people)
    examiner = Examiner(asked, drawn)
    right, found = examiner.right(drawn), examiner.found(drawn)
    kinds = {style.name: asked.styles == place for place, style in enumerate(STYLES)}
    shares = {
        name: _shares({part: values[rows] for part, values in right.items()}, found[rows])
        for name, rows in {"drawings": asked.styles >= 0, **kinds}.items()
    }
    seen = look_at(judge, torch.from_numpy(people.selfies[:, 0]))
    truth = {"kind": len(STYLES), **dict(zip(ATTRIBUTES, people.labels.T, strict=True))}
    read = {name: seen.probabilities[name].argmax(1) == label for name, label in truth.items()}
    return {**shares, "selfie": {name: float(hits.mean()) for name, hits in read.items()}}


def _shares(right: dict[str, Hits], found: Hits) -> dict[str, float]:
    known = {name: hits for name, hits in right.items() if not np.isnan(hits).all()}
    shown = np.concatenate([hits for name, hits in known.items() if name != "kind"])
    values = {**known, "accuracy": shown, "retrieval": found}
    return {name: float(np.nanmean(hits)) for name, hits in values.items()}


def table_of(found: dict[str, dict[str, float]]) -> Table:
    """Kinds of pictures against attributes; a dash where a style does not show one."""
    names = ("kind", *ATTRIBUTES, "accuracy", "retrieval")
    table = Table("picture", *names)
    for kind, shares in found.items():
        cells = (f"{shares[name]:.1%}" if name in shares else "–" for name in names)
        table.add_row(kind, *cells)
    return table


def write_ceiling(found: dict[str, dict[str, float]], run: Path) -> None:
    """Keep how good the judge is beside it, for its model card."""
    atomic.write(run / CEILING, f"{json.dumps(found, indent=2)}\n".encode())


def read_ceiling(run: Path) -> dict[str, dict[str, float]]:
    """What `write_ceiling` wrote; raises `RunError` where it is missing."""
    try:
        return dict(json.loads((run / CEILING).read_text()))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{run} holds no trained judge; run: python -m distillation judge"
        ) from error
