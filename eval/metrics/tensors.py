"""Metrics of one output of one case, computed in float64 over all of its elements.

A test that is not finite gets the worst value there is, so that it passes no gate by being
incomparable.
"""

from __future__ import annotations

import math

import numpy as np

from components import metrics


def psnr(reference: np.ndarray, test: np.ndarray, peak: float) -> float:
    """Peak signal-to-noise ratio in dB."""
    return metrics.psnr(reference, test, peak=peak)


def snr(reference: np.ndarray, test: np.ndarray, peak: float) -> float:
    """Signal-to-noise ratio in dB."""
    return metrics.snr(reference, test)


def ssim(reference: np.ndarray, test: np.ndarray, peak: float) -> float:
    """Structural similarity of pictures."""
    return metrics.ssim(reference, test, peak=peak)


def flip(reference: np.ndarray, test: np.ndarray, peak: float) -> float:
    """LDR-FLIP of pictures."""
    from eval.metrics.flip import flip as compute

    return compute(reference, test)


def cosine(reference: np.ndarray, test: np.ndarray, peak: float = 1.0) -> float:
    """Cosine of the angle between two arrays as vectors, in [-1,1].

    It is blind to a common factor, so it is to be read beside PSNR.

    Returns:
        1 for two equal arrays, also where both are zero; 0 where only one is zero; -inf where
        `test` is not finite.

    Raises:
        ValueError: Shapes differ or the reference is not finite.
    """
    metrics.require_alike(reference, test)
    if not np.all(np.isfinite(test)):
        return -math.inf
    a, b = (array.astype(np.float64).reshape(-1) for array in (reference, test))
    if np.array_equal(a, b):
        return 1.0
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / lengths, -1.0, 1.0)) if lengths > 0 else 0.0


def max_error(reference: np.ndarray, test: np.ndarray, peak: float) -> float:
    """The largest `|reference - test|` of all elements, in units of the peak.

    Returns:
        0 where the arrays are equal; inf where `test` is not finite.

    Raises:
        ValueError: Shapes differ or the reference is not finite.
    """
    metrics.require_alike(reference, test)
    if not np.all(np.isfinite(test)):
        return math.inf
    return float(np.max(np.abs(reference.astype(np.float64) - test.astype(np.float64)))) / peak
