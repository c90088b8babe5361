"""sRGB and linear light (IEC 61966-2-1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def linear_from_srgb(value: ArrayLike) -> NDArray[np.float32]:
    """sRGB in [0, 1] to linear light, any shape."""
    v = np.asarray(value, np.float32)
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4).astype(np.float32)


def srgb_from_linear(value: ArrayLike) -> NDArray[np.float32]:
    """Linear light to sRGB in [0, 1], any shape; clipped."""
    v = np.clip(np.asarray(value, np.float32), 0.0, 1.0)
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * v ** (1 / 2.4) - 0.055).astype(np.float32)


def linear_from_hex(color: str) -> NDArray[np.float32]:
    """ "#rrggbb" to three linear values."""
    return linear_from_srgb([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
