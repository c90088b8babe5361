"""Linear quantization without offset: integers times scales that minimise the squared error.

The classic scale is set by the largest magnitude, which spends the whole range on one element. Here
a range of scales below it is tried for each channel or block. Each trial rounds, takes the scale
that is best for those integers (least squares), and rounds again; both steps only lower the error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from quantization.fitting.fp16 import fp16_codes

TRIALS = 40
"""Scales that are tried for each channel or block."""
SMALLEST_SHARE = 0.4
"""The smallest scale that is tried, as a share of the classic one, which is the largest."""

Half = NDArray[np.float16]
Integers = NDArray[np.int8]


def int8_channels(
    weight: np.ndarray, importance: np.ndarray | None = None
) -> tuple[Half, Integers]:
    """Scales (out,) fp16 and integers in [-127, 127] of the weight's shape.

    Law: the (weighted) squared error is at most that of the classic scales, rounded to fp16.

    Raises:
        WeightError: The weight is empty, or holds NaN or infinity.
    """
    fp16_codes(weight)  # raises
    rows = _rows(weight, len(weight))
    scales, integers = _fit(rows, _masses(importance, rows), -127, 127)
    return scales, integers.reshape(weight.shape)


def int4_blocks(
    weight: np.ndarray, block: int, importance: np.ndarray | None = None
) -> tuple[Half, Integers]:
    """Scales (out, in/block) fp16 and integers in [-8, 7] of the weight's shape.

    A block is `block` input channels of one output channel, with all their kernel positions. The
    law and the errors are those of `int8_channels`.
    """
    fp16_codes(weight)  # raises
    blocks = weight.shape[1] // block
    rows = _rows(weight, len(weight) * blocks)
    scales, integers = _fit(rows, _masses(importance, rows), -8, 7)
    return scales.reshape(len(weight), blocks), integers.reshape(weight.shape)


def _rows(values: np.ndarray, count: int) -> NDArray[np.float64]:
    """The values rounded to fp16, one row for each scale."""
    return np.ascontiguousarray(values, np.float16).astype(np.float64).reshape(count, -1)


def _masses(importance: np.ndarray | None, rows: np.ndarray) -> NDArray[np.float64]:
    """The importance in rows like the values'; empty where all count alike."""
    if importance is None:
        return np.empty((0, 0))
    return importance.astype(np.float64).reshape(rows.shape)


def _fit(rows: np.ndarray, masses: np.ndarray, low: int, high: int) -> tuple[Half, Integers]:
    """The best scale of each row that was tried, and the row's integers in [low, high]."""
    largest = np.abs(rows).max(axis=1)
    best, least = np.zeros(len(rows), np.float16), np.full(len(rows), np.inf)
    for share in np.linspace(1.0, SMALLEST_SHARE, TRIALS):
        scale = (largest * share / high).astype(np.float16)
        for _ in range(2):
            exact = scale.astype(np.float64)
            products, squares = _sums(rows, masses, exact, float(low), float(high))
            errors = exact * (exact * squares - 2 * products)  # less the sum of all squares
            better = errors < least
            best[better], least[better] = scale[better], errors[better]
            # Then the best scale for these integers: least squares.
            zeros = np.zeros(len(rows))
            scale = np.divide(products, squares, out=zeros, where=squares > 0).astype(np.float16)
    integers = np.empty(rows.shape, np.int8)
    _round(rows, best.astype(np.float64), low, high, integers)
    return best, integers


_OPTIONS: Any = {"nogil": True, "cache": True, "error_model": "numpy"}
_SUMS: Any = {**_OPTIONS, "fastmath": {"reassoc", "contract", "nnan", "nsz"}}
"""So that sums are vectorised, which takes another order of their terms."""


@njit(**_OPTIONS)
def _nearest(value: float, scale: float, low: int, high: int) -> float:
    if scale == 0.0:
        return 0.0
    return min(max(np.rint(value / scale), low), high)


@njit(**_OPTIONS)
def _round(rows: Any, scales: Any, low: int, high: int, out: Any) -> None:
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            out[row, column] = _nearest(rows[row, column], scales[row], low, high)


@njit(**_SUMS)
def _sums(rows: Any, masses: Any, scales: Any, low: float, high: float) -> Any:
    """For each row the (weighted) sums of values times integers, and of integers squared."""
    products, squares = np.zeros(len(rows)), np.zeros(len(rows))
    for row in range(len(rows)):
        scale, values = scales[row], rows[row]
        if scale == 0.0:
            continue
        product, square = 0.0, 0.0
        if len(masses):
            for column in range(len(values)):
                integer = min(max(np.rint(values[column] / scale), low), high)
                product += masses[row, column] * values[column] * integer
                square += masses[row, column] * integer * integer
        else:
            for column in range(len(values)):
                integer = min(max(np.rint(values[column] / scale), low), high)
                product += values[column] * integer
                square += integer * integer
        products[row], squares[row] = product, square
    return products, squares
