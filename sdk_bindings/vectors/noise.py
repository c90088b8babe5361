"""Noise of many seeds, as `torch.randn` generates it."""

from __future__ import annotations

import random

import numpy as np
import torch

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

DRAWS = ((1, 4, 4, 4), (1, 3, 5, 7), (16,), (1, 3, 3, 3), (1, 4, 8, 8), (31,), (1, 8, 12, 12))
"""Shapes that one generator draws one after the other. Of a size that no 16 divides PyTorch draws
the last 16 values again, which moves its generator on."""

STREAMS = (0, 7, 2**31, 2**64 - 1)
"""Seeds of these generators."""


def seeds() -> tuple[int, ...]:
    """All seeds: the edges, and pseudo-random ones of 16 to 64 bits."""
    chance = random.Random(8)
    others = [chance.getrandbits(chance.randint(16, 64)) for _ in range(COUNT - len(EDGES))]
    return (*EDGES, *others)


def noise() -> dict[str, np.ndarray]:
    """Tensors in float32: `seed_SEED` (1024,), the first values; `whole_SEED` (1,8,32,32)."""
    first = {f"seed_{seed}": noise_of(seed, SHAPE).ravel()[:FIRST].copy() for seed in seeds()}
    return first | {f"whole_{seed}": noise_of(seed, SHAPE) for seed in WHOLE}


def streams() -> dict[str, np.ndarray]:
    """Tensors in float32 by `SEED.INDEX`: what one generator of each seed draws, in order."""
    drawn = {}
    for seed in STREAMS:
        generator = torch.Generator().manual_seed(seed)
        for index, shape in enumerate(DRAWS):
            drawn[f"{seed}.{index}"] = torch.randn(shape, generator=generator).numpy()
    return drawn
