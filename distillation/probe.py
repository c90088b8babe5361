"""A small classifier of avatars, trained on labels alone: does a generated avatar show its person?

Every figure stands beside chance (always naming the commonest class) and beside the probe's own
score on drawn avatars of the same people, which no generator can be expected to beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from avatar.people.identity import ATTRIBUTES
from avatar.people.styles import STYLES, drawn_labels
from distillation.autoencoder import pictures, tile
from distillation.data import CLASS_COUNTS, People
from distillation.training import Batch

NOT_SHOWN = -100
"""Label of an attribute that a drawing does not show; cross-entropy ignores it."""

HARDLY = 0.05
"""Above chance by no more than this, the probe cannot judge."""

COUNTS = (len(STYLES), *CLASS_COUNTS)
NAMES = ("style", *ATTRIBUTES)


class Probe(nn.Module):
    """Five strided convolutions; reads style and attributes off a picture at half size."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96, 160, 192)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width_in, width in zip((3, *widths), widths, strict=False):
            layers += [nn.Conv2d(width_in, width, 3, 2, 1), nn.BatchNorm2d(width), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.2))
        self.reader = nn.Linear(widths[-1] * 16, sum(COUNTS))

    def forward(self, images: Tensor) -> Tensor:
        """(b,3,256,256) in [0,1] to (b, sum of classes) logits: style first, then attributes."""
        return self.reader(self.layers(F.avg_pool2d(images, 2) * 2 - 1))


def labels_of(people: People) -> np.ndarray:
    """(avatars, 1 + attributes) int64: style, then what each drawing shows of its person."""
    rows = []
    for avatar in people.avatars:
        shown = drawn_labels(people.identities[avatar.person], STYLES[avatar.style].name)
        rows.append([avatar.style, *(shown.get(name, NOT_SHOWN) for name in ATTRIBUTES)])
    return np.array(rows)


class ProbeTask:
    """Classify drawn avatars, moved and tinted a little so that no single pixel decides."""

    def __init__(self, network: Probe, people: People) -> None:
        self.network, self.people, self.labels = network, people, labels_of(people)

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        chosen = rng.integers(len(self.people.avatars), size=batch)
        images = pictures([self.people.avatars[index].pixels() for index in chosen])
        offset = tuple(int(shift) for shift in rng.integers(-6, 7, size=2))
        images = images.roll(offset, (2, 3)) + 0.02 * torch.from_numpy(
            rng.standard_normal((batch, 3, 1, 1), np.float32)
        )
        return {"images": images, "labels": torch.from_numpy(self.labels[chosen])}

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        logits = network(batch["images"]).split(COUNTS, dim=1)
        errors = [
            F.cross_entropy(part, label, ignore_index=NOT_SHOWN)
            for part, label in zip(logits, batch["labels"].T, strict=True)
            if (label != NOT_SHOWN).any()
        ]
        return {"loss": torch.stack(errors).mean()}

    def grid(self) -> Image.Image:
        return tile([pictures([avatar.pixels() for avatar in self.people.avatars[:6]])])


@dataclass(frozen=True, kw_only=True)
class Score:
    """Shares in [0,1] of pictures whose attribute the probe reads right."""

    name: str
    pictures: int
    chance: float
    generated: float
    drawn: float

    @property
    def way(self) -> float | None:
        """How far `generated` is on the way from chance (0) to the score of drawings (1); None
        where drawings themselves are read hardly better than by chance."""
        whole = self.drawn - self.chance
        return (self.generated - self.chance) / whole if whole > HARDLY else None


def scores(probe: Probe, people: People, generated: Tensor) -> list[Score]:
    """Compare `generated` (avatars,3,256,256) with `people.avatars`, picture by picture."""
    labels = torch.from_numpy(labels_of(people))
    drawn = pictures([avatar.pixels() for avatar in people.avatars])
    right_drawn, right_generated = (_right(probe, images, labels) for images in (drawn, generated))
    return [
        Score(
            name=name,
            pictures=int(known.sum()),
            chance=chance(labels[:, 0], column) if name != "style" else 1 / len(STYLES),
            generated=float(right_generated[known, place].float().mean()),
            drawn=float(right_drawn[known, place].float().mean()),
        )
        for place, (name, column) in enumerate(zip(NAMES, labels.T, strict=True))
        if (known := column != NOT_SHOWN).any()
    ]


def chance(styles: Tensor, labels: Tensor) -> float:
    """Accuracy of always naming each style's commonest class, over the pictures that show it."""
    right = total = 0
    for style in styles.unique():
        known = labels[(styles == style) & (labels != NOT_SHOWN)]
        if len(known):
            right += int(known.bincount().max())
            total += len(known)
    return right / total


@torch.inference_mode()
def _right(probe: Probe, images: Tensor, labels: Tensor) -> Tensor:
    probe.eval()
    logits = torch.cat([probe(part) for part in images.split(64)]).split(COUNTS, dim=1)
    return torch.stack([part.argmax(1) for part in logits], dim=1) == labels
