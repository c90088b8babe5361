"""The weight file of an ML Program (MILBlob storage, format version 2), read by memory map.

Layout (``MILBlob/Blob/StorageFormat.hpp`` of coremltools), little-endian, each entry on a
64-byte boundary::

    header    u32 count, u32 version (2), 56 bytes reserved
    metadata  u32 sentinel 0xDEADBEEF, u32 dtype, u64 bytes, u64 data offset,
              u64 padding bits (of types below a byte), 32 bytes reserved
    data

A blob is one metadata entry and its data. A program refers to a blob by the offset of its metadata.
Every field is checked against the size of the file and against the type and shape that the program
declares.
"""

import bisect
import math
import mmap
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..errors import WeightsError
from ..numerics import BY_BLOB_CODE, TORCH_STORAGE, DType, unpack_bits

HEADER = struct.Struct("<II56x")
METADATA = struct.Struct("<IIQQQ32x")
SENTINEL = 0xDEADBEEF
_PAGE = mmap.PAGESIZE


class WeightFile:
    """A weight file, mapped copy-on-write: tensors share its pages until they are written to.

    Raises:
        WeightsError: The file cannot be read or is not of format version 2.
    """

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
        # The byte ranges read so far, sorted: (begin, end, offset of the blob).
        self._claims: list[tuple[int, int, int]] = []

    def tensor(self, offset: int, dtype: DType, shape: Sequence[int]) -> torch.Tensor:
        """Return the blob whose metadata is at ``offset`` as a tensor of type ``dtype.held``.

        A type that is held as it is stored shares the map. Other types are converted, and the
        pages read for the conversion are released at once, so that memory never holds both copies
        of all weights.

        Raises:
            WeightsError: The offset, size or type does not fit the file or the declaration.
        """
        count = math.prod(shape)
        start = self._data_start(offset, dtype, count)
        if count == 0:
            return torch.empty(tuple(shape), dtype=dtype.held)
        size = -(-count * dtype.bits // 8)
        raw = np.frombuffer(self._map, np.uint8, size, start)
        tensor = decode(raw, dtype, count).reshape(tuple(shape))
        if tensor.data_ptr() != raw.ctypes.data:
            self._release(start, size)
        return tensor

    def _data_start(self, offset: int, dtype: DType, count: int) -> int:
        """Check the metadata at ``offset`` and return the offset of its data."""
        blob = f"weight file {self.path.name}, blob at {offset}"
        if offset < HEADER.size or offset + METADATA.size > len(self._map):
            raise WeightsError(f"{blob}: outside the file of {len(self._map)} bytes")
        sentinel, code, size, start, padding = METADATA.unpack_from(self._map, offset)
        if sentinel != SENTINEL:
            raise WeightsError(f"{blob}: no blob begins here (sentinel {sentinel:#x})")
        stored = BY_BLOB_CODE.get(code)
        if stored is not dtype:
            found = stored.name if stored else f"unknown type {code}"
            raise WeightsError(f"{blob}: holds {found}, the program declares {dtype.name}")
        needed = -(-count * dtype.bits // 8)
        if size != needed:
            raise WeightsError(f"{blob}: holds {size} bytes, the program needs {needed}")
        if dtype.bits < 8 and padding >= 8:
            raise WeightsError(f"{blob}: declares {padding} bits of padding")
        if start < offset + METADATA.size or start + size > len(self._map):
            raise WeightsError(
                f"{blob}: data {start}..{start + size} lies outside the file of "
                f"{len(self._map)} bytes"
            )
        self._claim(offset, offset + METADATA.size, offset)
        if size:
            self._claim(start, start + size, offset)
        return int(start)

    def _claim(self, begin: int, end: int, blob: int) -> None:
        """Record the bytes of a blob. A blob may be read several times; two may not overlap."""
        index = bisect.bisect(self._claims, (begin, end, blob))
        for first, last, other in self._claims[max(index - 1, 0) : index + 1]:
            if other != blob and first < end and begin < last:
                raise WeightsError(
                    f"weight file {self.path.name}: the blobs at {blob} and {other} overlap"
                )
        if (begin, end, blob) not in self._claims[max(index - 1, 0) : index]:
            self._claims.insert(index, (begin, end, blob))

    def _release(self, start: int, size: int) -> None:
        """Give the pages that lie wholly in a byte range back to the operating system."""
        first = -(-start // _PAGE) * _PAGE
        length = (start + size) // _PAGE * _PAGE - first
        if length > 0 and hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED, first, length)


def decode(raw: np.ndarray, dtype: DType, count: int) -> torch.Tensor:
    """Decode ``count`` values from little-endian bytes.

    ``raw`` is uint8 and holds ``ceil(count * dtype.bits / 8)`` bytes. Returns a tensor of shape
    (count,) and type ``dtype.held``.
    """
    if dtype.name in TORCH_STORAGE:
        return torch.from_numpy(raw).view(TORCH_STORAGE[dtype.name]).to(dtype.held)
    if dtype.numpy is None:
        return _decode_packed(raw, dtype, count)
    values = raw.view(dtype.numpy)
    if dtype.name in ("uint16", "uint32", "uint64"):  # torch.from_numpy does not accept these
        return torch.from_numpy(values.astype(np.int32 if dtype.bits == 16 else np.int64))
    tensor = torch.from_numpy(values)
    return tensor if tensor.dtype == dtype.held else tensor.to(dtype.held)


def _decode_packed(raw: np.ndarray, dtype: DType, count: int) -> torch.Tensor:
    values = unpack_bits(raw, dtype.bits, count)
    if dtype.kind == "i":
        sign_bit = 1 << (dtype.bits - 1)
        values = ((values ^ sign_bit).astype(np.int16) - sign_bit).astype(np.int8)
    return torch.from_numpy(values)
