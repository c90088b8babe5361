"""Training the judge: labels of made people, read off their selfies and their drawings."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from rich.table import Table
from torch import Tensor, nn

from avatar.judge import CLASS_COUNTS, KINDS, Judge, look_at
from avatar.judging import attributes_right, retrieval
from avatar.people.identity import ATTRIBUTES
from avatar.people.styles import STYLES
from distillation.autoencoder import pictures, tile
from distillation.data import DrawnAvatar, People
from distillation.pairs import draw_selfies
from distillation.training import Batch

SELFIES = 0.25
"""Share of selfies in a batch; the rest are drawings."""

SHIFT, TINT, NOISE = 5, 0.02, 0.03


class JudgeTask:
    """Classify pictures by the true labels of their person, shown or not: what a drawing hides, the
    judge learns to be unsure of. Pictures are moved, tinted, blurred and made noisy, so that a
    generated one is no stranger than a drawn one."""

    def __init__(self, network: Judge, people: People) -> None:
        """`people` with selfies and drawings."""
        self.network, self.people = network, people

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """ "images" (batch,3,128,128) in [0,1] and "labels" (batch, 1 + attributes)."""
        count = round(SELFIES * batch)
        persons = rng.integers(len(self.people), size=count)
        selfies, _ = draw_selfies(self.people, persons, rng, most=1)
        chosen = rng.integers(len(self.people.avatars), size=batch - count)
        entries = [self.people.avatars[index] for index in chosen]
        drawn = F.avg_pool2d(pictures([entry.pixels() for entry in entries]), 2)
        kinds = [len(KINDS) - 1] * count + [entry.style for entry in entries]
        owners = [*persons, *(entry.person for entry in entries)]
        labels = np.concatenate([np.array(kinds)[:, None], self.people.labels[owners]], axis=1)
        images = disturbed(torch.cat([selfies[:, 0], drawn]), rng)
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
    """Pictures a little moved, tinted, noisy, and every third one blurred."""
    count, side = len(images), images.shape[-1]
    shifts = rng.integers(-SHIFT, SHIFT + 1, size=(count, 2))
    moved = torch.stack(
        [
            image.roll(tuple(map(int, shift)), (1, 2))
            for image, shift in zip(images, shifts, strict=True)
        ]
    )
    strength = torch.from_numpy(rng.uniform(0, 1, (count, 1, 1, 1)).astype(np.float32))
    strength *= torch.from_numpy(rng.random((count, 1, 1, 1)) < 1 / 3)
    blurred = F.interpolate(F.avg_pool2d(moved, 2), side, mode="bilinear")
    tint = torch.from_numpy(rng.normal(0, TINT, (count, 3, 1, 1)).astype(np.float32))
    noise = torch.from_numpy(rng.standard_normal(images.shape, np.float32))
    noisy = NOISE * torch.from_numpy(rng.random((count, 1, 1, 1), np.float32)) * noise
    return moved + strength * (blurred - moved) + tint + noisy


def ceiling(judge: Judge, people: People) -> dict[str, dict[str, float]]:
    """What the judge makes of held-out people's selfies and drawings: for each kind of picture the
    share read right of each attribute it shows, and how often the right person is found among 100
    by a picture of this kind in a gallery of drawings in another style."""
    found = {}
    entries = people.avatars
    drawn = look_at(judge, torch.stack([drawing(entry) for entry in entries]))
    owners = np.array([entry.person for entry in entries])
    styles = np.array([entry.style for entry in entries])
    right = attributes_right(drawn, [people.identities[person] for person in owners], styles)
    for style, meta in enumerate(STYLES):
        rows = np.flatnonzero(styles == style)
        shares = {
            name: float(np.nanmean(part[rows]))
            for name, part in right.items()
            if not np.isnan(part[rows]).all()
        }
        gallery = np.flatnonzero(styles == (style + 1) % len(STYLES))
        both = np.intersect1d(owners[rows], owners[gallery])
        mine, other = (part[np.isin(owners[part], both)] for part in (rows, gallery))
        found[meta.name] = {
            **shares,
            "retrieval": float(retrieval(drawn[mine], drawn[other]).mean()),
        }
    seen = look_at(judge, torch.from_numpy(people.selfies[:, 0]))
    found["selfie"] = {
        "kind": float((seen.probabilities["kind"].argmax(1) == len(STYLES)).mean())
    } | {
        name: float((seen.probabilities[name].argmax(1) == labels).mean())
        for name, labels in zip(ATTRIBUTES, people.labels.T, strict=True)
    }
    return found


def drawing(entry: DrawnAvatar) -> Tensor:
    """A drawing as the judge takes it, (3,128,128) in [0,1]."""
    return F.avg_pool2d(pictures([entry.pixels()]), 2)[0]


def table_of(found: dict[str, dict[str, float]]) -> Table:
    """Kinds of pictures against attributes; a dash where a style does not show one."""
    names = ("kind", *ATTRIBUTES, "retrieval")
    table = Table("picture", *names)
    for kind, shares in found.items():
        cells = (f"{shares[name]:.1%}" if name in shares else "–" for name in names)
        table.add_row(kind, *cells)
    return table
