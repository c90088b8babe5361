"""Level `image`: final pictures of whole runs."""

from __future__ import annotations

import numpy as np

from eval.metrics import measure
from support.images import on_8_bit_grid


def compare(
    expected: np.ndarray, got: np.ndarray, *, byte_images: bool, slow: bool = False
) -> dict[str, float]:
    """Every metric of two pictures (B,3,H,W) in [0,1].

    Args:
        expected: The reference's picture.
        got: The artifact's picture.
        byte_images: Whether the artifact's pictures come in steps of 1/255.
        slow: Whether to compute the slow metrics too.
    """
    right = on_8_bit_grid(expected) if byte_images else expected
    return measure(right, got, peak=1.0, picture=True, slow=slow)
