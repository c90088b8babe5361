"""One rewrite: the indices of a palettized weight, found without a distance to every entry.

coremltools makes an array of the distances of all numbers of a weight to all entries of its table,
of which it takes the least: 64 times the weight at 6 bits, several times over, which is 15 GB for a
UNet of Stable Diffusion 1.5. Here each number is found by its code in fp16, which tables hold, or
else sought among the entries in order. What it leaves alone: tables of vectors, and those that
change along another axis than the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from coremltools.converters.mil.mil import types
from coremltools.optimize import _utils as optimize_utils

_ZERO, _MINUS_ZERO = 0x0000, 0x8000
"""The codes of zero in fp16."""


@contextmanager
def sorted_look_up() -> Iterator[None]:
    """While open, conversions in this process find indices as above."""
    original = optimize_utils.find_indices_for_lut

    def find(data: np.ndarray, lut: np.ndarray, vector_axis: int | None = None) -> np.ndarray:
        tables, *others, size, length = lut.shape
        if length != 1 or any(count != 1 for count in others):
            return original(data, lut, vector_axis)
        found = nearest(data, lut.reshape(tables, size))
        bits = size.bit_length() - 1
        return found.astype(types.nptype_from_builtin(types.string_to_builtin(f"uint{bits}")))

    optimize_utils.find_indices_for_lut = find
    try:
        yield
    finally:
        optimize_utils.find_indices_for_lut = original


def nearest(data: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """The index of the entry that is nearest to each number; of equal entries the first.

    Args:
        data: Numbers, (n, ...).
        tables: Tables, (groups, entries); each serves n/groups consecutive rows.

    Returns:
        Indices of the shape of `data`, uint8; there are at most 256 entries.
    """
    found = np.empty(data.shape, np.uint8)
    rows = len(data) // len(tables)
    for group, table in enumerate(tables):
        part = slice(group * rows, (group + 1) * rows)
        exact = _by_code(data[part], table)
        found[part] = _by_order(data[part], table) if exact is None else exact
    return found


def _by_code(data: np.ndarray, table: np.ndarray) -> np.ndarray | None:
    """Indices read from a list of all 65536 numbers of fp16; None where some number is no entry."""
    entries, first = np.unique(table.astype(np.float16), return_index=True)
    if not np.array_equal(table.astype(np.float16), table):
        return None
    indices = np.full(1 << 16, -1, np.int16)
    indices[entries.view(np.uint16)] = first
    if 0 in entries:
        indices[[_ZERO, _MINUS_ZERO]] = first[entries == 0]
    halves = torch.from_numpy(np.ascontiguousarray(data)).half().numpy()  # faster than numpy's
    found = indices[halves.view(np.uint16)]
    return None if (found < 0).any() else found


def _by_order(data: np.ndarray, table: np.ndarray) -> np.ndarray:
    entries, first = np.unique(table, return_index=True)
    middles = (entries[1:] + entries[:-1]) / 2
    return first[np.searchsorted(middles, data)]
