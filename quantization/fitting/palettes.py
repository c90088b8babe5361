"""Palettes: a weight as indices into a small table, at the least possible squared error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantization.fitting import kmeans
from quantization.fitting.fp16 import ASCENDING, PATTERNS, VALUES, fp16_codes

Half = NDArray[np.float16]
Bytes = NDArray[np.uint8]

_UNWEIGHTED = np.empty(0)


def palettize(
    weight: np.ndarray, bits: int, importance: np.ndarray | None = None
) -> tuple[Half, Bytes]:
    """The best palette of a tensor: exact weighted k-means over its fp16 values.

    Laws: no table of `2**bits` real numbers has a smaller (weighted) squared error, apart from the
    table's own rounding to fp16; the error never rises with `bits`; same input, same bytes.

    Args:
        weight: Any shape and float dtype, rounded to fp16 first.
        bits: 1 to 8.
        importance: How much each element's squared error counts: non-negative, as many as `weight`
            has elements. Elements of importance 0 get their nearest entry.

    Returns:
        The table (2**bits,), ascending, its last entry repeated where the tensor has fewer distinct
        values, and the indices, of the weight's shape.

    Raises:
        WeightError: The weight is empty, or holds NaN or infinity (after rounding to fp16).
    """
    codes = fp16_codes(weight)
    values, masses = _histogram(codes, importance)
    entries = 1 << bits
    centres = values
    if len(values) > entries:
        centres = np.maximum.accumulate(kmeans.cluster(values, masses, entries))
    table = np.full(entries, centres[-1]).astype(np.float16)
    table[: len(centres)] = centres.astype(np.float16)
    return table, _nearest_entries(codes, table).reshape(weight.shape)


def palettize_groups(
    weight: np.ndarray, bits: int, group: int, importance: np.ndarray | None = None
) -> tuple[Half, Bytes]:
    """A palette for each `group` consecutive output channels (axis 0); the last may be smaller.

    Returns:
        Tables (groups, 2**bits), and indices of the weight's shape; see `palettize`.
    """
    starts = range(0, max(len(weight), 1), group)
    parts = [
        palettize(
            weight[s : s + group], bits, None if importance is None else importance[s : s + group]
        )
        for s in starts
    ]
    return np.stack([table for table, _ in parts]), np.concatenate([ids for _, ids in parts])


def _histogram(
    codes: NDArray[np.uint16], importance: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values, ascending, and how much each counts."""
    weights = _UNWEIGHTED if importance is None else importance.reshape(-1).astype(np.float64)
    if not weights.any():
        weights = _UNWEIGHTED  # where nothing counts, everything counts alike
    counts = np.zeros(PATTERNS)
    kmeans.histogram(codes, weights, counts)
    _, values, masses = kmeans.present(counts, ASCENDING, VALUES)
    return values, masses


def _nearest_entries(codes: NDArray[np.uint16], table: Half) -> Bytes:
    """The index of the nearest entry of the table for each element."""
    by_code = np.zeros(PATTERNS, np.uint8)
    kmeans.nearest(ASCENDING, VALUES, table.astype(np.float64), by_code)
    out = np.empty(len(codes), np.uint8)
    kmeans.look_up(codes, by_code, out)
    return out
