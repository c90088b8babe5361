"""Integers of 1 to 8 bits in bytes, packed from the least bit up, as in Core ML's weight files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def pack(values: Bytes, bits: int) -> Bytes:
    """Pack values below `2**bits`, of any shape, into `ceil(n·bits / 8)` bytes; spare bits are 0.

    Law: `unpack(pack(values, bits), bits, values.size) == values.reshape(-1)`.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    if bits == 8:
        return flat
    packed = np.zeros(-(-flat.size * bits // 8), np.uint8)
    _pack(flat, bits, packed)
    return packed


def unpack(packed: Bytes, bits: int, count: int) -> Bytes:
    """The first `count` values of packed bytes, (count,) uint8."""
    assert count * bits <= 8 * packed.size, "the bytes hold so many values"
    if bits == 8:
        return packed[:count]
    values = np.empty(count, np.uint8)
    _unpack(packed, bits, values)
    return values


# Compiled, because numpy's `unpackbits` and `packbits` take ten times as long.
_OPTIONS: Any = {"nogil": True, "cache": True}


@njit(**_OPTIONS)
def _pack(values: Any, bits: int, packed: Any) -> None:
    for index in range(len(values)):
        byte, shift = index * bits >> 3, index * bits & 7
        shifted = np.uint16(values[index]) << shift
        packed[byte] |= shifted & 255
        if shift + bits > 8:
            packed[byte + 1] |= shifted >> 8


@njit(**_OPTIONS)
def _unpack(packed: Any, bits: int, values: Any) -> None:
    mask = (1 << bits) - 1
    for index in range(len(values)):
        byte, shift = index * bits >> 3, index * bits & 7
        value = packed[byte] >> shift
        if shift + bits > 8:
            value |= packed[byte + 1] << 8 - shift
        values[index] = value & mask
