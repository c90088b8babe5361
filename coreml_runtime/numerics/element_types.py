"""The element types of MIL, and the torch type that holds each of them while a program runs.

Floats narrower than 32 bits are held as float32: an op computes in float32 and its result is
rounded to the declared type (:mod:`.rounding`), so every held value is exactly representable in the
declared type. Integers are held in the narrowest torch type that supports every operator.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class DType:
    """One element type of MIL.

    ``name`` is its name in MIL text and ``kind`` is ``f`` (float), ``i`` (signed integer), ``u``
    (unsigned integer), ``b`` (bool) or ``s`` (string). ``bits`` is the width of one element.
    ``program_code`` is its number in ``MIL.proto`` (``DataType``), ``blob_code`` its number in a
    weight file (``MILBlob/Blob/BlobDataType.hpp``), 0 for types that weight files cannot hold.
    ``held`` is the torch type of its values while a program runs. ``numpy`` is the little-endian
    numpy type of its bytes, None for types below a byte, strings and types that numpy lacks.
    """

    name: str
    kind: str
    bits: int
    program_code: int
    blob_code: int
    held: torch.dtype
    numpy: str | None


def _dtype(
    name: str, program_code: int, blob_code: int, held: torch.dtype, numpy: str | None, bits: int
) -> DType:
    kind = "b" if name == "bool" else "f" if name.startswith(("fp", "bf")) else name[0]
    return DType(
        name=name, kind=kind, bits=bits, program_code=program_code, blob_code=blob_code, held=held,
        numpy=numpy,
    )  # fmt: skip


_ALL = (
    _dtype("bool", 1, 0, torch.bool, "?", 8),
    _dtype("string", 2, 0, torch.uint8, None, 0),
    _dtype("fp16", 10, 1, torch.float32, "<f2", 16),
    _dtype("fp32", 11, 2, torch.float32, "<f4", 32),
    _dtype("fp64", 12, 0, torch.float64, "<f8", 64),
    _dtype("bf16", 13, 5, torch.float32, None, 16),
    _dtype("fp8e4m3fn", 40, 16, torch.float32, None, 8),
    _dtype("fp8e5m2", 41, 17, torch.float32, None, 8),
    _dtype("int4", 25, 8, torch.int8, None, 4),
    _dtype("int8", 21, 4, torch.int8, "<i1", 8),
    _dtype("int16", 22, 6, torch.int16, "<i2", 16),
    _dtype("int32", 23, 14, torch.int32, "<i4", 32),
    _dtype("int64", 24, 0, torch.int64, "<i8", 64),
    _dtype("uint1", 37, 9, torch.uint8, None, 1),
    _dtype("uint2", 36, 10, torch.uint8, None, 2),
    _dtype("uint3", 39, 12, torch.uint8, None, 3),
    _dtype("uint4", 35, 11, torch.uint8, None, 4),
    _dtype("uint6", 38, 13, torch.uint8, None, 6),
    _dtype("uint8", 31, 3, torch.uint8, "<u1", 8),
    _dtype("uint16", 32, 7, torch.int32, "<u2", 16),
    _dtype("uint32", 33, 15, torch.int64, "<u4", 32),
    _dtype("uint64", 34, 0, torch.int64, "<u8", 64),
)

BY_PROGRAM_CODE = {dtype.program_code: dtype for dtype in _ALL}
BY_BLOB_CODE = {dtype.blob_code: dtype for dtype in _ALL if dtype.blob_code}
BY_NAME = {dtype.name: dtype for dtype in _ALL}

TORCH_STORAGE = {
    "bf16": torch.bfloat16,
    "fp8e4m3fn": torch.float8_e4m3fn,
    "fp8e5m2": torch.float8_e5m2,
}
"""The torch types of the stored bytes, for the element types that numpy lacks."""
