"""One tensor as it is stored: packed elements beside their tables or scales."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantization.errors import PackedError
from quantization.linear import int4_blocks, int8_channels
from quantization.packing import pack, unpack
from quantization.palettes import fp16_codes, grouped_palettes, palette
from quantization.schemes import Scheme


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A tensor in a scheme.

    Attributes:
        scheme: How it is stored.
        shape: Its shape.
        arrays: By name. `float16`: `data` of its shape. Palettes: `indices`, packed uint8, and
            `table` (groups, 2**bits) fp16. `int8`: `data` int8 of its shape and `scale` (out,)
            fp16. `int4`: `data`, packed two's complement as uint8, `scale` (out, in/block) fp16.
    """

    scheme: Scheme
    shape: tuple[int, ...]
    arrays: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        for name, (shape, dtype) in _layout(self.scheme, self.shape).items():
            array = self.arrays.get(name)
            if array is None or array.shape != shape or array.dtype != np.dtype(dtype):
                found = "none" if array is None else f"{array.dtype} {array.shape}"
                raise PackedError(f"{name} of {self.scheme} is {found}, expected {dtype} {shape}")

    @property
    def size(self) -> int:
        """Bytes of all arrays. Law: `scheme.size(shape)`."""
        return sum(array.nbytes for array in self.arrays.values())

    def integers(self) -> np.ndarray:
        """Indices (uint8) or integers (int8), unpacked, of the tensor's shape."""
        if self.scheme.kind == "int8":
            return self.arrays["data"]
        name = "indices" if self.scheme.kind == "palette" else "data"
        flat = unpack(self.arrays[name], self.scheme.bits, math.prod(self.shape))
        if self.scheme.kind == "int4":
            flat = ((flat ^ 8) - np.uint8(8)).view(np.int8)  # sign from bit 3
        return flat.reshape(self.shape)

    def dense(self) -> NDArray[np.float32]:
        """The numbers that it stands for, exactly: every product of a scale fits float32."""
        if self.scheme.kind == "float16":
            return self.arrays["data"].astype(np.float32)
        if self.scheme.kind == "palette":
            return self.arrays["table"].astype(np.float32).reshape(-1)[self.places()]
        return self.integers().astype(np.float32) * self._scales()

    def places(self) -> NDArray[np.int32]:
        """Of a palette: where each element's number stands in its flattened table(s)."""
        group = self.scheme.group or self.shape[0]
        first = (np.arange(self.shape[0]) // group << self.scheme.bits).astype(np.int32)
        return self.integers() + first.reshape(-1, *(1 for _ in self.shape[1:]))

    def _scales(self) -> np.ndarray:
        """Scales that broadcast over the tensor."""
        scale = self.arrays["scale"].astype(np.float32)
        if self.scheme.kind == "int4":
            scale = scale.repeat(self.scheme.group, axis=1)
        return scale.reshape(*scale.shape, *(1 for _ in self.shape[scale.ndim :]))


def quantize(weight: np.ndarray, scheme: Scheme, importance: np.ndarray | None = None) -> Packed:
    """Store a tensor in a scheme, at the least squared error that it allows.

    Args:
        weight: Float, at least two axes unless the scheme is `float16`: (out, in, ...).
        scheme: One that fits its shape.
        importance: How much each element's squared error counts; its shape, non-negative.

    Raises:
        WeightError: It is empty, or holds NaN or infinity.
    """
    arrays: dict[str, np.ndarray]
    if scheme.kind == "float16":
        arrays = {"data": fp16_codes(weight).view(np.float16).reshape(weight.shape)}
    elif scheme.kind == "palette":
        if scheme.group:
            table, ids = grouped_palettes(weight, scheme.bits, scheme.group, importance)
        else:
            table, ids = palette(weight, scheme.bits, importance)
        arrays = {
            "indices": pack(ids, scheme.bits),
            "table": table.reshape(-1, 1 << scheme.bits),
        }
    elif scheme.kind == "int8":
        scale, data = int8_channels(weight, importance)
        arrays = {"data": data, "scale": scale}
    else:
        scale, data = int4_blocks(weight, scheme.group, importance)
        arrays = {"data": pack(data.view(np.uint8) & np.uint8(15), 4), "scale": scale}
    return Packed(scheme=scheme, shape=tuple(weight.shape), arrays=arrays)


def _layout(scheme: Scheme, shape: tuple[int, ...]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of each array."""
    if scheme.kind == "float16":
        return {"data": (shape, "float16")}
    packed = -(-math.prod(shape) * scheme.bits // 8)
    if scheme.kind == "palette":
        groups = -(-shape[0] // scheme.group) if scheme.group else 1
        table = ((groups, 1 << scheme.bits), "float16")
        return {"indices": ((packed,), "uint8"), "table": table}
    if scheme.kind == "int8":
        return {"data": (shape, "int8"), "scale": ((shape[0],), "float16")}
    scale = ((shape[0], shape[1] // scheme.group), "float16")
    return {"data": ((packed,), "uint8"), "scale": scale}
