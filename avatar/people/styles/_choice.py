"""Choices among several variants of a component, as all styles make them.

There are two kinds. A choice *of the person*, such as one of three fitting haircuts, is the same in
every avatar of that person. It depends on the shape attributes only, so that people who differ in
one label look different in that label only. A *free* choice (expression, clothes, background) comes
from the random generator. It takes exactly one number, so that later choices do not depend on how
many variants an earlier one had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from avatar.people.identity import SHAPE_ATTRIBUTES, Identity

T = TypeVar("T")

# Blue, violet and green pastels: none is similar to a skin tone or a hair colour.
BACKGROUNDS: tuple[str, ...] = (
    "#b6e3f4",
    "#9fc6ee",
    "#c0aede",
    "#d1d4f9",
    "#a8ddd2",
    "#bfe8b8",
    "#dbe69a",
    "#e3b7dc",
)

CLOTHES: tuple[str, ...] = (
    "#3c6fb0",
    "#2f8f83",
    "#7a56b3",
    "#c2474f",
    "#4f7d3a",
    "#d98a2b",
    "#3a4256",
    "#c65f9a",
)


def person_digest(identity: Identity) -> int:
    """A 64-bit hash of the person's shape attributes; labels do not change it."""
    shape = ",".join(repr(getattr(identity, name)) for name in SHAPE_ATTRIBUTES)
    return int.from_bytes(hashlib.sha256(shape.encode()).digest()[:8], "big")


def of_person(identity: Identity, what: str, variants: Sequence[T]) -> T:
    """The variant that this person always has; `what` names the choice."""
    text = f"{person_digest(identity)}/{what}"
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return variants[number % len(variants)]


def pick(rng: np.random.Generator, variants: Sequence[T]) -> T:
    """A free choice; it takes one number from the generator."""
    return variants[int(rng.random() * len(variants))]


def pin(**components: str | None) -> dict[str, object]:
    """Options that fix each named component to one variant, or leave it out where it is None."""
    options: dict[str, object] = {}
    for name, variant in components.items():
        options[f"{name}Probability"] = 0 if variant is None else 100
        if variant is not None:
            options[f"{name}Variant"] = [variant]
    return options


def paint(**colors: str) -> dict[str, object]:
    """Options that fix each named colour, given as "#rrggbb"."""
    return {f"{name}Color": [value] for name, value in colors.items()}


def framing(rng: np.random.Generator, *, tilt: float = 4.0) -> dict[str, object]:
    """Free choices of background colour, mirroring, zoom and a tilt of at most `tilt` degrees.

    The zoom hides the end of a body that ends at the picture's edge.
    """
    return {
        "backgroundColor": [pick(rng, BACKGROUNDS)],
        "flip": [pick(rng, ("none", "horizontal"))],
        "rotate": round(float(rng.uniform(-tilt, tilt)), 2),
        "scale": round(float(rng.uniform(1.0, 1.08)), 3),
    }


def shade(color: str, factor: float) -> str:
    """A darker (`factor` < 1) colour of the same hue, "#rrggbb"."""
    channels = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{min(255, round(c * factor)):02x}" for c in channels)


def blend(color: str, other: str, share: float) -> str:
    """The colour `share` of the way from one "#rrggbb" to another."""
    pairs = ((int(color[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
