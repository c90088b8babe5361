"""Pictures in 8 bits: the one rounding that every runtime and every language shares.

The contract: an 8-bit value is `floor(255·x + 0.5)`, clamped to 0 and 255, computed in the
picture's own precision. Halves round up, as Core ML's image outputs do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_8_bit(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A picture in [0,1] as 8-bit values, in the same order of axes."""
    scale, half = picture.dtype.type(255), picture.dtype.type(0.5)
    return np.floor(picture * scale + half).clip(0, 255).astype(np.uint8)


def on_8_bit_grid(picture: NDArray[np.floating]) -> NDArray[Any]:
    """A picture in [0,1] rounded to whole multiples of 1/255, in its own precision."""
    scale, half = picture.dtype.type(255), picture.dtype.type(0.5)
    return np.floor(picture * scale + half).clip(0, 255) / scale


def to_pixels(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A picture (3,h,w) in [0,1] as pixels (h,w,3) of 8 bits, as image libraries hold them."""
    return to_8_bit(picture).transpose(1, 2, 0)
