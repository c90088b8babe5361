"""LDR-FLIP: how different two pictures look to someone who flips between them.

Andersson et al., "FLIP: A Difference Evaluator for Alternating Images", Proceedings of the ACM on
Computer Graphics and Interactive Techniques 3 (2020), computed by the authors' own package.
"""

from __future__ import annotations

import flip_evaluator
import numpy as np

PIXELS_PER_DEGREE = 67.0
"""Pixels in a degree of the visual field. The paper's 67 is a 4K monitor of 0.7 m seen from 0.7 m.
A phone has more, where the same difference is harder to see, so this is the stricter choice."""


def flip(reference: np.ndarray, test: np.ndarray) -> float:
    """Compute the mean of LDR-FLIP's error map over all pixels of all pictures.

    Args:
        reference: The expected pictures (n,3,height,width), sRGB in [0,1].
        test: The pictures to judge, of the same shape; values outside of [0,1] count as the
            nearest inside.

    Returns:
        0 where equal, 1 at most; inf where `test` is not finite.

    Raises:
        ValueError: Shapes differ or are not those of pictures, or the reference is not finite.
    """
    if reference.shape != test.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {test.shape}")
    if reference.ndim != 4 or reference.shape[1] != 3 or reference.size == 0:
        raise ValueError(f"expected pictures of shape (n,3,height,width), not {reference.shape}")
    if not np.all(np.isfinite(reference)):
        raise ValueError("the reference holds NaN or infinity")
    if not np.all(np.isfinite(test)):
        return float("inf")
    maps = [_error_map(a, b) for a, b in zip(reference, test, strict=True)]
    return float(np.mean(maps, dtype=np.float64))


def _error_map(reference: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The error map, (height,width,1) float32 in [0,1], of two pictures (3,height,width)."""
    pixels = (
        np.ascontiguousarray(picture.transpose(1, 2, 0), np.float32).clip(0, 1)
        for picture in (reference, test)
    )
    error, _, _ = flip_evaluator.evaluate(
        *pixels, "LDR", applyMagma=False, parameters={"ppd": PIXELS_PER_DEGREE}
    )
    return error
