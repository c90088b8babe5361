"""Palettes: a weight as indices into a small table, at the least possible squared error."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from quantization import _kmeans
from quantization.errors import WeightError

Half = NDArray[np.float16]
Bytes = NDArray[np.uint8]

_VALUES = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float64)
"""The value of each fp16 bit pattern."""
_ASCENDING = np.concatenate(
    [np.arange(0xFBFF, 0x8000, -1), np.arange(0x0000, 0x7C00)]
)  # fp16 bit patterns of the finite numbers, by value; -0 is counted as 0
_UNWEIGHTED = np.empty(0)


def palette(
    weight: np.ndarray, bits: int, importance: np.ndarray | None = None
) -> tuple[Half, Bytes]:
    """The best palette of a tensor: exact weighted k-means over its fp16 values.

    Laws: no table of `2**bits` real numbers has a smaller (weighted) squared error, but for the
    table's own rounding to fp16; the error never rises with `bits`; same input, same bytes.

    Args:
        weight: Any shape and float dtype, rounded to fp16 first.
        bits: 1 to 8.
        importance: As many non-negative weights as `weight` has elements: how much each element's
            squared error counts. Elements of importance 0 get their nearest entry.

    Returns:
        The table (2**bits,), ascending, its last entry repeated where the tensor has fewer distinct
        values, and the indices, of the weight's shape.

    Raises:
        WeightError: The weight is empty, or holds NaN or infinity (after rounding to fp16).
    """
    codes = fp16_codes(weight)
    counts = np.zeros(1 << 16)
    masses = _UNWEIGHTED if importance is None else importance.reshape(-1).astype(np.float64)
    if importance is not None and not masses.any():
        masses = _UNWEIGHTED
    _kmeans.histogram(codes, masses, counts)
    _, values, held = _kmeans.held(counts, _ASCENDING, _VALUES)
    entries = 1 << bits
    centres = values
    if len(values) > entries:
        centres = np.maximum.accumulate(_kmeans.cluster(values, held, entries))
    table = np.full(entries, centres[-1]).astype(np.float16)
    table[: len(centres)] = centres.astype(np.float16)
    return table, _assign(codes, table).reshape(weight.shape)


def grouped_palettes(
    weight: np.ndarray, bits: int, group: int, importance: np.ndarray | None = None
) -> tuple[Half, Bytes]:
    """A palette for each `group` consecutive output channels (axis 0); the last may be smaller.

    Returns tables (groups, 2**bits) and indices of the weight's shape; see `palette`.
    """
    starts = range(0, max(len(weight), 1), group)
    parts = [
        palette(
            weight[s : s + group], bits, None if importance is None else importance[s : s + group]
        )
        for s in starts
    ]
    return np.stack([table for table, _ in parts]), np.concatenate([ids for _, ids in parts])


def fp16_codes(weight: np.ndarray) -> NDArray[np.uint16]:
    """The bit patterns (n,) of a weight rounded to fp16; raises `WeightError` as `palette`."""
    if weight.size == 0:
        raise WeightError("it is empty")
    # numpy converts to fp16 an element at a time, PyTorch with vector instructions.
    half = torch.from_numpy(np.ascontiguousarray(weight)).to(torch.float16)
    codes = half.view(torch.int16).numpy().reshape(-1).view(np.uint16)
    if _kmeans.not_finite(codes):
        finite = np.isfinite(weight).all()
        raise WeightError(f"it holds {'a value beyond fp16' if finite else 'NaN or infinity'}")
    return codes


def _assign(codes: NDArray[np.uint16], table: Half) -> Bytes:
    """The index of the nearest entry for each element."""
    by_code = np.zeros(1 << 16, np.uint8)
    _kmeans.nearest(_ASCENDING, _VALUES, table.astype(np.float64), by_code)
    out = np.empty(len(codes), np.uint8)
    _kmeans.look_up(codes, by_code, out)
    return out
