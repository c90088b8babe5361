"""Noise of many seeds, as `torch.randn` generates it."""

from __future__ import annotations

import random

import numpy as np

from avatar.model import noise_of

SHAPE = (1, 8, 32, 32)
FIRST = 1024
"""How many values are kept of each seed: the first ones."""

EDGES = (0, 1, 2, 7, 42, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 7, 2**63, 2**64 - 1)
"""Seeds at which too small an integer type overflows."""

WHOLE = (0, 2**31, 2**64 - 1)
"""Seeds whose noise is kept whole."""

COUNT = 56
"""How many seeds there are."""


def seeds() -> tuple[int, ...]:
    """All seeds: the edges, and pseudo-random ones of 16 to 64 bits."""
    chance = random.Random(8)
    others = [chance.getrandbits(chance.randint(16, 64)) for _ in range(COUNT - len(EDGES))]
    return (*EDGES, *others)


def noise() -> dict[str, np.ndarray]:
    """Tensors in float32: `seed_SEED` (1024,), the first values; `whole_SEED` (1,8,32,32)."""
    first = {f"seed_{seed}": noise_of(seed, SHAPE).ravel()[:FIRST].copy() for seed in seeds()}
    return first | {f"whole_{seed}": noise_of(seed, SHAPE) for seed in WHOLE}
