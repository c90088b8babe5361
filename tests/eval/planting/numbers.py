"""What can go wrong with the numbers of one weight: each function returns a changed array."""

from __future__ import annotations

import numpy as np


def scaled_channel(array: np.ndarray) -> np.ndarray:
    """One output channel is multiplied by 1.05."""
    array = array.copy()
    array[1] = array[1] * 1.05
    return array


def negated(array: np.ndarray) -> np.ndarray:
    return -array


def zeroed(array: np.ndarray) -> np.ndarray:
    return np.zeros_like(array)


def swapped_rows(array: np.ndarray) -> np.ndarray:
    """The array with its first two entries exchanged."""
    return np.concatenate([array[[1, 0]], array[2:]])


def overflown(array: np.ndarray) -> np.ndarray:
    """One number is larger than fp16 can hold."""
    array = array.copy()
    array.reshape(-1)[7] = np.inf
    return array


def not_a_number(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.reshape(-1)[7] = np.nan
    return array


def bfloat16(array: np.ndarray) -> np.ndarray:
    """The numbers are rounded to eight bits of mantissa, to nearest even."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return rounded.view(np.float32).reshape(array.shape).astype(array.dtype)


def four_bits(array: np.ndarray) -> np.ndarray:
    """The numbers are rounded to sixteen equal steps."""
    step = np.abs(array.astype(np.float32)).max() / 7
    return (np.round(array.astype(np.float32) / step).clip(-8, 7) * step).astype(array.dtype)


def stale(share: float):  # type: ignore[no-untyped-def]
    """The weight after other training: noise of a share of its size is added, always the same."""

    def change(array: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(array.size).standard_normal(array.shape)
        return (array + share * noise * array.std()).astype(array.dtype)

    return change
