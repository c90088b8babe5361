"""Metrics that compare a run with the reference.

All are computed in float64 over all elements. If the run holds NaN or infinity its score is -inf,
so that it can never pass a gate by being incomparable.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from components.component import TensorSpec

_BLOCK = 32
"""Windows whose means one product with a band matrix gives. A larger matrix has a larger share of
zeros."""
_WINDOW = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
_WINDOW /= _WINDOW.sum()
"""The paper's window along one axis: a Gaussian of deviation 1.5, 11 pixels wide."""


def psnr(reference: np.ndarray, test: np.ndarray, *, peak: float) -> float:
    """Peak signal-to-noise ratio in dB: `20·log10(peak) − 10·log10(mean((reference − test)²))`.

    Args:
        reference: The reference's tensor, any shape.
        test: The tensor that is compared, of the same shape.
        peak: The signal's largest magnitude, above 0. 1 for images in [0,1].

    Returns:
        Decibels; inf when the two are equal, -inf when `test` is not finite.

    Raises:
        ValueError: Shapes differ, arrays are empty, the peak is not positive or the reference is
            not finite.
    """
    if not peak > 0 or not math.isfinite(peak):
        raise ValueError(f"peak must be a positive number, not {peak}")
    error = _mean_squared_error(reference, test)
    return _decibels(peak * peak, error)


def snr(reference: np.ndarray, test: np.ndarray) -> float:
    """Signal-to-noise ratio in dB: `10·log10(mean(reference²) / mean((reference − test)²))`.

    It returns and raises what `psnr` does. For an all-zero reference it is inf when equal and -inf
    otherwise.
    """
    error = _mean_squared_error(reference, test)
    return _decibels(float(np.mean(np.square(reference, dtype=np.float64))), error)


def ssim(reference: np.ndarray, test: np.ndarray, *, peak: float) -> float:
    """Structural similarity of pictures: Wang et al., "Image quality assessment: from error
    visibility to structural similarity", IEEE Transactions on Image Processing 13 (2004).

    The index is computed for each colour by itself, with the paper's constants and its window (a
    Gaussian of deviation 1.5 on 11×11 pixels), wherever the window lies wholly inside the picture.

    Args:
        reference: The reference's pictures, (n,channels,height,width).
        test: The pictures that are compared, of the same shape.
        peak: The signal's range. 1 for images in [0,1].

    Returns:
        The mean of the index: 1 when equal, at least -1; -inf when `test` is not finite.

    Raises:
        ValueError: In the cases of `psnr`, or the pictures are smaller than the window.
    """
    if math.isinf(psnr(reference, test, peak=peak)):
        return 1.0 if np.array_equal(reference, test) else -math.inf
    if min(reference.shape[-2:]) < len(_WINDOW):
        raise ValueError(f"pictures of {reference.shape[-2:]} are smaller than the window")
    x, y = (array.astype(np.float64).reshape(-1, *array.shape[-2:]) for array in (reference, test))
    means = _window_means(np.stack((x, y, x * x, y * y, x * y)))
    mean_x, mean_y, xx, yy, xy = _window_means(means.swapaxes(-1, -2)).swapaxes(-1, -2)
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    alike = (2 * mean_x * mean_y + c1) * (2 * (xy - mean_x * mean_y) + c2)
    all_ = (mean_x**2 + mean_y**2 + c1) * (xx - mean_x**2 + yy - mean_y**2 + c2)
    return float((alike / all_).mean())


def _window_means(arrays: np.ndarray) -> np.ndarray:
    """The window's means along the last axis but one, which becomes shorter by 10.

    They are computed as matrix products, because BLAS has float64 where convolutions do not.
    """
    more, matrix = len(_WINDOW) - 1, _window_matrix()
    windows = arrays.shape[-2] - more
    means = np.empty((*arrays.shape[:-2], windows, arrays.shape[-1]))
    for start in range(0, windows, _BLOCK):
        count = min(_BLOCK, windows - start)
        part = arrays[..., start : start + count + more, :]
        means[..., start : start + count, :] = matrix[:count, : count + more] @ part
    return means


@cache
def _window_matrix() -> np.ndarray:
    """The window's weights at `_BLOCK` consecutive positions, (`_BLOCK`, `_BLOCK` + 10)."""
    matrix = np.zeros((_BLOCK, _BLOCK + len(_WINDOW) - 1))
    for position in range(_BLOCK):
        matrix[position, position : position + len(_WINDOW)] = _WINDOW
    return matrix


def peak_of(spec: TensorSpec, reference: np.ndarray) -> float:
    """The peak that PSNR uses for an output: 1 for images, else the reference's largest magnitude.

    For an all-zero reference the peak is 1, which makes PSNR `-10·log10(error)`.
    """
    if spec.image:
        return 1.0
    return float(np.max(np.abs(reference))) or 1.0


def require_alike(reference: np.ndarray, test: np.ndarray) -> None:
    """Raise ValueError unless two arrays can be compared.

    They must have the same shape and not be empty, and the reference must be finite.
    """
    if reference.shape != test.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {test.shape}")
    if reference.size == 0:
        raise ValueError("nothing to compare: the arrays are empty")
    if not np.all(np.isfinite(reference)):
        raise ValueError("the reference holds NaN or infinity")


def _mean_squared_error(reference: np.ndarray, test: np.ndarray) -> float:
    require_alike(reference, test)
    if not np.all(np.isfinite(test)):
        return math.inf
    # Integers are widened first: a difference of uint8 wraps around.
    difference = reference.astype(np.float64) - test.astype(np.float64)
    return float(np.mean(np.square(difference)))


def _decibels(signal: float, error: float) -> float:
    if error == 0:
        return math.inf
    if math.isinf(error) or signal == 0:
        return -math.inf
    return 10 * math.log10(signal / error)
