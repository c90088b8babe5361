"""Approximate pictures of latents, from a matrix and an offset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from support.images import to_8_bit

SHAPE = (1, 5, 6, 9)


def preview() -> dict[str, NDArray[np.generic]]:
    """Tensors: `latents` (1,C,h,w) and `matrix` (C,3) and `offset` (3,) in float32, `pixels`
    (h,w,3) uint8.

    rgb = clip(sum over c of latents[c]·matrix[c] + offset, 0, 1), in 8 bits as avatars are.
    """
    chance = np.random.default_rng(3)
    latents = chance.standard_normal(SHAPE).astype(np.float32)
    matrix = (0.2 * chance.standard_normal((SHAPE[1], 3))).astype(np.float32)
    offset = np.array([0.4, 0.5, 0.625], np.float32)
    rgb = np.einsum("chw,cr->hwr", latents[0].astype(np.float64), matrix) + offset
    return {"latents": latents, "matrix": matrix, "offset": offset, "pixels": to_8_bit(rgb)}
