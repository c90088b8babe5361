"""Packed tensors: sizes, round trips, and what they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantization.errors import PackedError, SchemeError
from quantization.schemes import (
    FLOAT16,
    INT8,
    PALETTE_BITS,
    LookUp,
    Palette,
    Scaled,
    candidates,
    nearest,
    pack,
    parse,
    quantize,
    require_available,
    unpack,
)
from quantization.targets import Target

NAMES = ["float16", "int8", "int4/8", "int4/16", "palette-4/8", "palette-3/4"]
NAMES += [f"palette-{bits}" for bits in PALETTE_BITS]


@given(st.integers(1, 8), st.lists(st.integers(0, 255), max_size=50))
def test_unpack_inverts_pack(bits: int, numbers: list[int]) -> None:
    values = np.array(numbers, np.uint8) & np.uint8((1 << bits) - 1)
    packed = pack(values, bits)
    assert len(packed) == -(-len(values) * bits // 8)
    np.testing.assert_array_equal(unpack(packed, bits, len(values)), values)


def test_bits_are_packed_from_the_least_up() -> None:
    assert pack(np.array([1, 2, 3, 1], np.uint8), 2).tolist() == [0b01_11_10_01]
    assert pack(np.array([5, 6, 7], np.uint8), 3).tolist() == [0b11_110_101, 0b1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(16, 16), (8, 16, 3, 3)])
def test_a_tensor_has_the_size_its_scheme_promises(name: str, shape: tuple[int, ...]) -> None:
    scheme = parse(name)
    assert str(scheme) == name
    weight = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    packed = quantize(weight, scheme)
    assert packed.size == scheme.size(shape)
    dense = packed.dense()
    assert dense.shape == shape and dense.dtype == np.float32
    power = np.mean(weight**2)
    # Six decibels a bit, less what small blocks and a normal density cost.
    assert np.mean((dense - weight) ** 2) < power * 4.0 ** -(min(scheme.bits, 11) - 1.0)


@pytest.mark.parametrize("name", ["palette-4/8", "int4/8", "int8", "palette-2"])
def test_dense_is_what_integers_tables_and_scales_say(name: str) -> None:
    weight = np.random.default_rng(1).standard_normal((16, 16, 1, 2)).astype(np.float32)
    packed = quantize(weight, parse(name))
    form, dense = packed.form, packed.dense()
    for o, i, x in [(0, 0, 0), (9, 7, 1), (15, 15, 0)]:
        if isinstance(form, LookUp):
            table = packed.arrays["table"]
            expected = table[o // 8 if len(table) > 1 else 0, form.indices()[o, i, 0, x]]
        else:
            assert isinstance(form, Scaled)
            scale = packed.arrays["scale"]
            one = scale[o] if scale.ndim == 1 else scale[o, i // 8]
            expected = np.float32(form.integers()[o, i, 0, x]) * np.float32(one)
        assert dense[o, i, 0, x] == np.float32(expected)


def test_arrays_of_the_wrong_shape_are_refused() -> None:
    packed = quantize(np.ones((4, 4), np.float32), INT8)
    with pytest.raises(PackedError, match="scale of int8 is none"):
        replace(packed, arrays={"data": packed.arrays["data"]})


@pytest.mark.parametrize("text", ["palette-5", "palette", "int3", "int4", "int4/0", "", None, 4])
def test_unknown_schemes_are_named(text: object) -> None:
    with pytest.raises(SchemeError, match="no scheme is named"):
        parse(text)


def test_a_target_names_the_nearest_scheme_it_has() -> None:
    for name in NAMES:
        scheme = parse(name)
        assert scheme.available_on(Target.IOS18) and scheme.available_on(Target.ONNX)
        for target in Target:
            assert nearest(target, scheme).available_on(target)
    assert nearest(Target.IOS16, Palette(bits=3)) == Palette(bits=4)
    with pytest.raises(SchemeError, match=r"a\.b as palette-3; the nearest it has is palette-4"):
        require_available(Target.IOS17, {"a.b": Palette(bits=3)})
    with pytest.raises(SchemeError, match="int8; the nearest it has is int8 weights"):
        require_available(Target.IOS18, {}, ("decoder.layers.0",))


@pytest.mark.parametrize("target", Target)
def test_candidates_are_what_the_target_has_smallest_first(target: Target) -> None:
    shape = (64, 32, 3, 3)
    found = candidates(target, shape)
    assert FLOAT16 in found and all(scheme.available_on(target) for scheme in found)
    assert [s.size(shape) for s in found] == sorted(s.size(shape) for s in found)
    assert not any(scheme.misfit(shape) for scheme in found)
