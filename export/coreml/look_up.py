"""One rewrite: the indices of a palettized weight, found without a distance to every entry.

coremltools makes an array of the distances of all numbers of a weight to all entries of its table,
of which it takes the least: 64 times the weight at 6 bits, several times over, which is 15 GB for a
UNet of Stable Diffusion 1.5. Here each number is sought among the entries in order. What it leaves
alone: tables of vectors, and those that change along another axis than the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from coremltools.converters.mil.mil import types
from coremltools.optimize import _utils as optimize_utils


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
        entries, first = np.unique(table, return_index=True)
        middles = (entries[1:] + entries[:-1]) / 2
        found[part] = first.astype(np.uint8)[np.searchsorted(middles, data[part])]
    return found
