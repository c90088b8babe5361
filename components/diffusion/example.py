"""What a recorded run draws, whatever the pipeline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from components.diffusion.flow import Wish

PROMPT = "a watercolour of a lighthouse at dusk"


def example_wish(seed: int, images: Collection[str], shape: Sequence[int]) -> Wish:
    """A prompt, and made-up pictures where a pipeline takes some.

    Args:
        seed: Decides noise and pictures.
        images: Which pictures a wish must have.
        shape: Shape (B,3,H,W) of the picture.
    """
    height, width = shape[2:]
    made: dict[str, Any] = {
        "image": example_picture(seed, height, width),
        "mask": _disc(height, width, 0.3)[None, None].astype(np.float32),
        "control_image": _edges(height, width),
    }
    wish = Wish(prompt=PROMPT, seed=seed)
    return replace(wish, **{name: made[name] for name in images})


def example_picture(seed: int, height: int, width: int) -> np.ndarray:
    """A sky above a sea with a sun in it, (1,3,height,width) float32 in [0,1], in 8-bit steps."""
    colours = np.random.default_rng(seed).random((3, 3, 1, 1))
    share = np.linspace(0, 1, height)[None, :, None]
    picture = np.broadcast_to(colours[0] * (1 - share) + colours[1] * share, (3, height, width))
    sun = np.where(_disc(height, width, 0.2), colours[2], picture)
    return (np.round(sun * 255) / 255).astype(np.float32)[None]


def _edges(height: int, width: int) -> np.ndarray:
    """White lines on black, (1,3,height,width): a disc's edge, as an edge detector draws it."""
    ring = _disc(height, width, 0.35) & ~_disc(height, width, 0.3)
    return np.repeat(ring[None, None], 3, axis=1).astype(np.float32)


def _disc(height: int, width: int, radius: float) -> np.ndarray:
    """Where a disc in the middle is, (height,width) bool; its radius is a share of a side."""
    y, x = np.mgrid[:height, :width]
    apart = ((y + 0.5) / height - 0.5) ** 2 + ((x + 0.5) / width - 0.5) ** 2
    disc: np.ndarray = apart < radius**2
    return disc
