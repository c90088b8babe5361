"""Integers of 1 to 8 bits in bytes, packed from the least bit up, as in Core ML's weight files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def pack(values: Bytes, bits: int) -> Bytes:
    """Pack values below `2**bits`, of any shape, into `ceil(n·bits / 8)` bytes; spare bits are 0.

    Law: `unpack(pack(values, bits), bits, values.size) == values.reshape(-1)`.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    if bits == 8:
        return flat
    single = np.unpackbits(flat[:, None], axis=1, count=bits, bitorder="little")
    return np.packbits(single.reshape(-1), bitorder="little")


def unpack(packed: Bytes, bits: int, count: int) -> Bytes:
    """The first `count` values of packed bytes, (count,) uint8."""
    if bits == 8:
        return packed[:count]
    single = np.unpackbits(packed, count=count * bits, bitorder="little").reshape(count, bits)
    return np.packbits(single, axis=1, bitorder="little").reshape(-1)
