"""Unsigned integers of 1, 2, 3, 4, 6 or 8 bits, packed into bytes without gaps."""

import numpy as np

# For each width, the smallest number of values that fills a whole number of bytes.
_VALUES_PER_GROUP = {1: 8, 2: 4, 3: 8, 4: 2, 6: 4, 8: 1}


def unpack_bits(packed: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Return ``count`` unsigned values of ``bits`` bits each as uint8 of shape (count,).

    ``packed`` is uint8 and holds at least ``ceil(count * bits / 8)`` bytes. Values are packed from
    the least significant bit up; one that crosses a byte boundary has its low bits in the first
    byte. The documentation of ``constexpr_lut_to_dense`` (iOS 16 opset) defines this layout.
    """
    group = _VALUES_PER_GROUP[bits]
    width = group * bits // 8
    groups = -(-count // group)
    rows = np.zeros(groups * width, np.uint8)
    used = min(len(packed), len(rows))
    rows[:used] = packed[:used]
    table = rows.reshape(groups, width)
    values = np.empty((groups, group), np.uint8)
    for index in range(group):
        byte, shift = divmod(index * bits, 8)
        value = table[:, byte] >> shift
        if shift + bits > 8:
            value = value | (table[:, byte + 1] << (8 - shift))
        values[:, index] = value & ((1 << bits) - 1)
    return values.reshape(-1)[:count]
