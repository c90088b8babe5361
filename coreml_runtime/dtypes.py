"""The element types of MIL, and the torch type that holds each while a program runs.

Floats narrower than 32 bits are *held* as float32: the program computes in float32 and rounds each
result to the type it declares (:func:`rounder`), so what is held is always exactly representable
in the declared type. Integers are held in the narrowest torch type that has every operator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True, kw_only=True)
class DType:
    """One element type: its name in MIL text, its width, and the torch type that holds it.

    ``code`` is its number in MIL.proto, ``blob`` its number in a weight file (0: never there).
    ``numpy`` is the little-endian type of its bytes, None for types below a byte and strings.
    """

    name: str
    kind: str  # f(loat), i(nteger), u(nsigned), b(ool), s(tring)
    bits: int
    code: int
    blob: int
    held: torch.dtype
    numpy: str | None


def _type(
    name: str, code: int, blob: int, held: torch.dtype, numpy: str | None, bits: int
) -> DType:
    kind = "b" if name == "bool" else "f" if name.startswith(("fp", "bf")) else name[0]
    return DType(name=name, kind=kind, bits=bits, code=code, blob=blob, held=held, numpy=numpy)


_ALL = (
    _type("bool", 1, 0, torch.bool, "?", 8),
    _type("string", 2, 0, torch.uint8, None, 0),
    _type("fp16", 10, 1, torch.float32, "<f2", 16),
    _type("fp32", 11, 2, torch.float32, "<f4", 32),
    _type("fp64", 12, 0, torch.float64, "<f8", 64),
    _type("bf16", 13, 5, torch.float32, None, 16),
    _type("fp8e4m3fn", 40, 16, torch.float32, None, 8),
    _type("fp8e5m2", 41, 17, torch.float32, None, 8),
    _type("int4", 25, 8, torch.int8, None, 4),
    _type("int8", 21, 4, torch.int8, "<i1", 8),
    _type("int16", 22, 6, torch.int16, "<i2", 16),
    _type("int32", 23, 14, torch.int32, "<i4", 32),
    _type("int64", 24, 0, torch.int64, "<i8", 64),
    _type("uint1", 37, 9, torch.uint8, None, 1),
    _type("uint2", 36, 10, torch.uint8, None, 2),
    _type("uint3", 39, 12, torch.uint8, None, 3),
    _type("uint4", 35, 11, torch.uint8, None, 4),
    _type("uint6", 38, 13, torch.uint8, None, 6),
    _type("uint8", 31, 3, torch.uint8, "<u1", 8),
    _type("uint16", 32, 7, torch.int32, "<u2", 16),
    _type("uint32", 33, 15, torch.int64, "<u4", 32),
    _type("uint64", 34, 0, torch.int64, "<u8", 64),
)

BY_CODE = {dtype.code: dtype for dtype in _ALL}
BY_BLOB = {dtype.blob: dtype for dtype in _ALL if dtype.blob}
BY_NAME = {dtype.name: dtype for dtype in _ALL}

FP16 = BY_NAME["fp16"]
FP32 = BY_NAME["fp32"]

# Bytes of types that numpy lacks but torch reads.
TORCH_VIEW = {
    "bf16": torch.bfloat16,
    "fp8e4m3fn": torch.float8_e4m3fn,
    "fp8e5m2": torch.float8_e5m2,
}

_STORAGE = {"fp16": torch.float16, **TORCH_VIEW}

_PIECE = 1 << 19  # values rounded at a time: what is read twice is in the processor's cache then

Rounder = Callable[[torch.Tensor], torch.Tensor]


class _RoundTo(torch.autograd.Function):
    """Round to ``storage`` and back; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: object, value: torch.Tensor, storage: torch.dtype) -> torch.Tensor:
        return value.to(storage).to(value.dtype)

    @staticmethod
    def backward(ctx: object, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grads[0], None


def rounder(dtype: DType, *, in_place: bool = False) -> Rounder | None:
    """The function that rounds a held float tensor to ``dtype``, or None where nothing is lost.

    Rounding is to nearest, ties to even; fp16 overflows to infinity, as IEEE 754 says. A tensor
    that takes part in autograd is never changed ``in_place``.
    """
    storage = _STORAGE.get(dtype.name)
    if storage is None:
        return None

    def round_to(value: torch.Tensor) -> torch.Tensor:
        if value.requires_grad and torch.is_grad_enabled():
            rounded: torch.Tensor = _RoundTo.apply(value, storage)
            return rounded
        if in_place and value.numel() > _PIECE and value.is_contiguous():
            for piece in value.view(-1).split(_PIECE):
                piece.copy_(piece.to(storage))
            return value
        if in_place:
            return value.copy_(value.to(storage))
        return value.to(storage).to(value.dtype)

    return round_to


def wrap(dtype: DType) -> Rounder | None:
    """The function that wraps a held integer to ``dtype``, or None where the held type does it."""
    if dtype.kind not in "iu" or dtype.bits >= 8 * dtype.held.itemsize:
        return None
    span = 1 << dtype.bits
    low = -(span // 2) if dtype.kind == "i" else 0

    def wrap_to(value: torch.Tensor) -> torch.Tensor:
        return torch.remainder(value - low, span) + low

    return wrap_to


def unpack_bits(packed: np.ndarray, bits: int, count: int) -> np.ndarray:
    """``count`` unsigned values of ``bits`` bits each, packed from the least significant bit up.

    ``packed`` is uint8 and holds at least ``ceil(count * bits / 8)`` bytes; returns uint8
    (count,). A value may straddle two bytes, its low bits in the first (constexpr_lut_to_dense's
    documentation in the iOS 16 opset gives the layout).
    """
    group = {1: 8, 2: 4, 3: 8, 4: 2, 6: 4, 8: 1}[bits]  # values in a whole number of bytes
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
