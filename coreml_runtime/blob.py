"""The weight file of an ML Program: MILBlob storage, format version 2, read by memory map.

Layout (``MILBlob/Blob/StorageFormat.hpp`` of coremltools), little-endian, each entry on a
64-byte boundary::

    header    u32 count, u32 version (2), 56 bytes reserved
    metadata  u32 sentinel 0xDEADBEEF, u32 dtype, u64 bytes, u64 data offset,
              u64 padding bits (of types below a byte), 32 bytes reserved
    data

A program points at metadata; nothing in the file is believed before it is checked against the
file's size and against the type and shape that the program declares.
"""

import bisect
import math
import mmap
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from .dtypes import BY_BLOB, TORCH_VIEW, DType, unpack_bits
from .errors import WeightsError

HEADER = struct.Struct("<II56x")
METADATA = struct.Struct("<IIQQQ32x")
SENTINEL = 0xDEADBEEF
_PAGE = mmap.PAGESIZE


class BlobFile:
    """One weight file, mapped copy-on-write: its tensors share the file's pages until written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise WeightsError(f"weight file {path.name} cannot be read: {error}") from error
        if len(self._map) < HEADER.size:
            raise WeightsError(f"weight file {path.name} is truncated: no header")
        version = HEADER.unpack_from(self._map)[1]
        if version != 2:
            raise WeightsError(f"weight file {path.name} has format version {version}, not 2")
        self._claims: list[tuple[int, int, int]] = []  # (begin, end, whose blob), sorted

    def _claim(self, begin: int, end: int, blob: int) -> None:
        """Take a range of bytes for a blob; one blob may be read often, two may not overlap."""
        place = bisect.bisect(self._claims, (begin, end, blob))
        for first, last, other in self._claims[max(place - 1, 0) : place + 1]:
            if other != blob and first < end and begin < last:
                raise WeightsError(
                    f"weight file {self.path.name}: the blobs at {blob} and {other} overlap"
                )
        if (begin, end, blob) not in self._claims[max(place - 1, 0) : place]:
            self._claims.insert(place, (begin, end, blob))

    def _extent(self, offset: int, dtype: DType, count: int) -> int:
        """Where the data of the blob at ``offset`` begins, its claims checked."""
        where = f"weight file {self.path.name}, blob at {offset}"
        if offset < HEADER.size or offset + METADATA.size > len(self._map):
            raise WeightsError(f"{where}: outside the file of {len(self._map)} bytes")
        sentinel, code, size, start, padding = METADATA.unpack_from(self._map, offset)
        if sentinel != SENTINEL:
            raise WeightsError(f"{where}: no blob begins here (sentinel {sentinel:#x})")
        stored = BY_BLOB.get(code)
        if stored is not dtype:
            held = stored.name if stored else f"unknown type {code}"
            raise WeightsError(f"{where}: holds {held}, the program declares {dtype.name}")
        needed = -(-count * dtype.bits // 8)
        if size != needed:
            raise WeightsError(f"{where}: holds {size} bytes, the program needs {needed}")
        if dtype.bits < 8 and padding >= 8:
            raise WeightsError(f"{where}: claims {padding} bits of padding")
        if start < offset + METADATA.size or start + size > len(self._map):
            raise WeightsError(
                f"{where}: data {start}..{start + size} lies outside the file of "
                f"{len(self._map)} bytes"
            )
        self._claim(offset, offset + METADATA.size, offset)
        if size:
            self._claim(start, start + size, offset)
        return int(start)

    def tensor(self, offset: int, dtype: DType, shape: Sequence[int]) -> torch.Tensor:
        """The blob whose metadata is at ``offset``, as a tensor of ``dtype.held``.

        Types held as they are stored share the map; others are converted, and the pages that were
        read for it are given back at once, so that loading never holds both copies.

        Raises:
            WeightsError: the offset, size or type does not fit the file or the declaration.
        """
        count = math.prod(shape)
        start = self._extent(offset, dtype, count)
        if count == 0:
            return torch.empty(tuple(shape), dtype=dtype.held)
        size = -(-count * dtype.bits // 8)
        raw = np.frombuffer(self._map, np.uint8, size, start)
        tensor = decode(raw, dtype, count).reshape(tuple(shape))
        if tensor.data_ptr() != raw.ctypes.data:
            self._release(start, size)
        return tensor

    def _release(self, start: int, size: int) -> None:
        first = -(-start // _PAGE) * _PAGE
        length = (start + size) // _PAGE * _PAGE - first
        if length > 0 and hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED, first, length)


def decode(raw: np.ndarray, dtype: DType, count: int) -> torch.Tensor:
    """``count`` values of ``dtype`` from little-endian bytes (uint8), flat, in ``dtype.held``."""
    if dtype.name in TORCH_VIEW:
        return torch.from_numpy(raw).view(TORCH_VIEW[dtype.name]).to(dtype.held)
    if dtype.numpy is None:
        return _decode_packed(raw, dtype, count)
    values = raw.view(dtype.numpy)
    if dtype.name in ("uint16", "uint32", "uint64"):
        return torch.from_numpy(values.astype(np.int32 if dtype.bits == 16 else np.int64))
    tensor = torch.from_numpy(values)
    return tensor if tensor.dtype == dtype.held else tensor.to(dtype.held)


def _decode_packed(raw: np.ndarray, dtype: DType, count: int) -> torch.Tensor:
    values = unpack_bits(raw, dtype.bits, count)
    if dtype.kind == "i":
        half = 1 << (dtype.bits - 1)
        values = ((values ^ half).astype(np.int16) - half).astype(np.int8)
    return torch.from_numpy(values)
