"""The three forms that every scheme stores a weight in, without a word about any file format.

A scheme unpacks its arrays to one of these. Exporters turn each form into operations of their
format, and tuning learns its real numbers, so neither of them has to know the schemes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantization.schemes.packing import unpack

Bytes = NDArray[np.uint8]
Half = NDArray[np.float16]


@dataclass(frozen=True, kw_only=True)
class Plain:
    """The numbers themselves.

    Attributes:
        values: The weight in fp16.
    """

    values: Half

    def dense(self) -> NDArray[np.float32]:
        """The weight in float32."""
        return self.values.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class LookUp:
    """Indices into tables; equally many consecutive output channels share one table.

    Attributes:
        shape: The shape of the weight.
        bits: Bits of an index.
        packed: The indices, packed from the least bit up.
        table: The tables, (groups, 2**bits) fp16.
    """

    shape: tuple[int, ...]
    bits: int
    packed: Bytes
    table: Half

    def indices(self) -> Bytes:
        """The index of each element within its own group's table, of the weight's shape."""
        return unpack(self.packed, self.bits, math.prod(self.shape)).reshape(self.shape)

    def flat_indices(self) -> NDArray[np.int32]:
        """The index of each element within all tables in a row, of the weight's shape."""
        channels = -(-self.shape[0] // len(self.table))
        group = np.arange(self.shape[0]) // channels
        first = (group << self.bits).astype(np.int32)
        return self.indices() + first.reshape(-1, *(1 for _ in self.shape[1:]))

    def dense(self) -> NDArray[np.float32]:
        """The weight in float32."""
        indices = self.indices() if len(self.table) == 1 else self.flat_indices()
        return self.table.astype(np.float32).reshape(-1)[indices]


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """Signed integers times scales, without an offset.

    Attributes:
        shape: The shape of the weight.
        bits: Bits of an integer, at most 8.
        packed: The integers in two's complement, packed from the least bit up.
        scale: The scales in fp16: (out,), one for each output channel, or (out, blocks), one for
            each block of equally many consecutive input channels of an output channel.
    """

    shape: tuple[int, ...]
    bits: int
    packed: Bytes
    scale: Half

    def integers(self) -> NDArray[np.int8]:
        """The integers, of the weight's shape."""
        flat = unpack(self.packed, self.bits, math.prod(self.shape))
        sign = np.uint8(1 << self.bits - 1)
        return ((flat ^ sign) - sign).view(np.int8).reshape(self.shape)

    @property
    def block(self) -> int:
        """Input channels that share a scale; 0 where a whole output channel does."""
        return self.shape[1] // self.scale.shape[1] if self.scale.ndim > 1 else 0

    def dense(self) -> NDArray[np.float32]:
        """The weight in float32, exactly: every product of an integer and a scale fits."""
        scale = self.scale.astype(np.float32)
        if self.block:
            scale = scale.repeat(self.block, axis=1)
        ones = (1 for _ in self.shape[scale.ndim :])
        return self.integers().astype(np.float32) * scale.reshape(*scale.shape, *ones)


Form = Plain | LookUp | Scaled
