"""Tests that weight files of coremltools are read, and that inconsistent files are refused."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coreml_runtime.errors import WeightsError
from coreml_runtime.numerics import BY_NAME, unpack_bits
from coreml_runtime.package.weight_file import HEADER, METADATA, SENTINEL, WeightFile

ct_storage = pytest.importorskip("coremltools.libmilstoragepython")


def _write(path: Path, blobs: list[tuple[str, np.ndarray]]) -> list[int]:
    writer = ct_storage._BlobStorageWriter(str(path))
    return [getattr(writer, f"write_{kind}_data")(values) for kind, values in blobs]


def _values(low: int, high: int, dtype: type) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, 37).astype(dtype)


def test_every_type_that_coremltools_writes(tmp_path: Path) -> None:
    from coremltools.converters.mil.mil import types

    floats = np.random.default_rng(0).normal(size=37)
    packed = {f"uint{bits}": _values(0, 1 << bits, np.uint8) for bits in (1, 2, 3, 4, 6)}
    packed["int4"] = _values(-8, 8, np.int8)
    whole = {
        "uint8": _values(0, 256, np.uint8), "int8": _values(-128, 128, np.int8),
        "uint16": _values(0, 1 << 16, np.uint16), "int16": _values(-1000, 1000, np.int16),
        "uint32": _values(0, 1 << 32, np.uint32), "int32": _values(-(1 << 31), 1 << 31, np.int32),
    }  # fmt: skip
    blobs = [("float", floats.astype(np.float32)), ("fp16", floats.astype(np.float16).view("u2"))]
    blobs += list(whole.items())
    for name, values in packed.items():
        custom = types.nptype_from_builtin(getattr(types, name))
        blobs.append((name, values.astype(custom)))
    offsets = _write(tmp_path / "w.bin", blobs)
    file = WeightFile(tmp_path / "w.bin")
    wanted = {"fp32": floats.astype(np.float32), "fp16": floats.astype(np.float16), **whole}
    for (name, want), offset in zip({**wanted, **packed}.items(), offsets, strict=True):
        dtype = BY_NAME[name]
        value = file.tensor(offset, dtype, (37,))
        assert value.dtype == dtype.held
        assert np.array_equal(value.numpy(), want.astype(value.numpy().dtype)), name


def test_float32_shares_the_map(tmp_path: Path) -> None:
    """The tensor is no copy of the map, and writing to it does not change the file."""
    (offset,) = _write(tmp_path / "w.bin", [("float", np.ones(64, np.float32))])
    before = (tmp_path / "w.bin").read_bytes()
    tensor = WeightFile(tmp_path / "w.bin").tensor(offset, BY_NAME["fp32"], (8, 8))
    tensor.fill_(2)
    assert (tmp_path / "w.bin").read_bytes() == before


@given(st.sampled_from([1, 2, 3, 4, 6, 8]), st.lists(st.integers(0, 255), max_size=40))
def test_unpacking_reverses_packing(bits: int, values: list[int]) -> None:
    """The definition is a stream of bits, least significant first, here one Python integer."""
    values = [value % (1 << bits) for value in values]
    stream = sum(value << (bits * index) for index, value in enumerate(values))
    packed = stream.to_bytes(-(-len(values) * bits // 8), "little")
    unpacked = unpack_bits(np.frombuffer(packed, np.uint8), bits, len(values))
    assert unpacked.tolist() == values


def _file(
    path: Path, *, version: int = 2, sentinel: int = SENTINEL, code: int = 2, size: int = 16,
    start: int = 128, length: int = 144,
) -> WeightFile:  # fmt: skip
    content = HEADER.pack(1, version) + METADATA.pack(sentinel, code, size, start, 0) + bytes(16)
    path.write_bytes(content[:length])
    return WeightFile(path)


INCONSISTENT = {
    "sentinel": ({"sentinel": 0xDEADBEEE}, "no blob begins here"),
    "type": ({"code": 1}, "holds fp16"),
    "unknown type": ({"code": 99}, "unknown type 99"),
    "size": ({"size": 12}, "holds 12 bytes"),
    "huge size": ({"size": 1 << 63}, "holds"),
    "start beyond": ({"start": 136}, "outside the file"),
    "start wraps": ({"start": (1 << 64) - 8}, "outside the file"),
    "start in metadata": ({"start": 64}, "outside the file"),
    "truncated data": ({"length": 140}, "outside the file"),
    "truncated metadata": ({"length": 100}, "outside the file"),
}


@pytest.mark.parametrize("name", INCONSISTENT)
def test_inconsistent_metadata_is_refused(tmp_path: Path, name: str) -> None:
    changes, message = INCONSISTENT[name]
    with pytest.raises(WeightsError, match=message):
        _file(tmp_path / "w.bin", **changes).tensor(64, BY_NAME["fp32"], (4,))


def test_the_consistent_file_is_read(tmp_path: Path) -> None:
    assert torch.equal(_file(tmp_path / "w.bin").tensor(64, BY_NAME["fp32"], (4,)), torch.zeros(4))


@pytest.mark.parametrize("offset", [0, 32, 120, 1 << 40])
def test_offsets_outside_are_refused(tmp_path: Path, offset: int) -> None:
    with pytest.raises(WeightsError):
        _file(tmp_path / "w.bin").tensor(offset, BY_NAME["fp32"], (4,))


@pytest.mark.parametrize("content", [b"", b"\0" * 63, struct.pack("<II56x", 1, 1)])
def test_files_without_a_header_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.bin").write_bytes(content)
    with pytest.raises(WeightsError):
        WeightFile(tmp_path / "w.bin")
