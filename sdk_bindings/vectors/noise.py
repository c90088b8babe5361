"""Noise of many seeds, as `torch.randn` makes it."""

from __future__ import annotations

import random

import numpy as np

from avatar.model import noise_of

SHAPE = (1, 8, 32, 32)
FIRST = 1024
"""Values kept of each seed."""

EDGES = (0, 1, 2, 7, 42, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 7, 2**63, 2**64 - 1)
"""Seeds at which a generator's integer types give way."""

WHOLE = (0, 2**31, 2**64 - 1)
"""Seeds of which every value is kept."""

COUNT = 56


def seeds() -> tuple[int, ...]:
    """All seeds: the edges, and others of 16 to 64 bits."""
    chance = random.Random(8)
    others = [chance.getrandbits(chance.randint(16, 64)) for _ in range(COUNT - len(EDGES))]
    return (*EDGES, *others)


def noise() -> dict[str, np.ndarray]:
    """`seed_SEED` (1024,), the first values; `whole_SEED` (1,8,32,32). float32."""
    first = {f"seed_{seed}": noise_of(seed, SHAPE).ravel()[:FIRST].copy() for seed in seeds()}
    return first | {f"whole_{seed}": noise_of(seed, SHAPE) for seed in WHOLE}
