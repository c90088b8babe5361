"""A scheme is one class and one entry in the registry: followed here once with a new one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
import pytest
import torch
from torch import nn

from components import Component, TensorSpec
from distillation.tunable import TunableTensor
from export.coreml.compress import mark
from export.onnx.convert import convert
from export.onnx.packed_weights import store_packed
from quantization.recipe import Recipe
from quantization.schemes import (
    SCHEMES,
    ArrayLayout,
    Arrays,
    LookUp,
    Palette,
    Scheme,
    Shape,
    candidates,
    pack,
    parse,
    quantize,
    registry,
)
from quantization.schemes.scheme import packed_bytes
from quantization.targets import Target


@dataclass(frozen=True, kw_only=True)
class Ternary(Scheme):
    """A toy: each element is -s, 0 or s, with one s for the whole weight."""

    bits: int = field(default=2, init=False)

    SPELLING: ClassVar[str] = "ternary"
    LEARNED: ClassVar[str] = "table"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        return cls() if name == "ternary" else None

    def __str__(self) -> str:
        return "ternary"

    def layout(self, shape: Shape) -> dict[str, ArrayLayout]:
        return {
            "indices": ArrayLayout(shape=(packed_bytes(shape, 2),), dtype="uint8"),
            "table": ArrayLayout(shape=(1, 4), dtype="float16"),
        }

    def pack(self, weight: np.ndarray, importance: np.ndarray | None) -> dict[str, np.ndarray]:
        step = np.abs(weight).mean()
        indices = (np.clip(np.rint(weight / step), -1, 1) + 1).astype(np.uint8)
        table = np.array([[-step, 0, step, 0]], np.float16)
        return {"indices": pack(indices, 2), "table": table}

    def unpack(self, shape: Shape, arrays: Arrays) -> LookUp:
        return LookUp(shape=shape, bits=2, packed=arrays["indices"], table=arrays["table"])

    def available_on(self, target: Target) -> bool:
        return target is not Target.IOS16

    @classmethod
    def candidates(cls, shape: Shape) -> Iterable[Scheme]:
        return (cls(),)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SCHEMES", (*SCHEMES, Ternary))


WEIGHT = np.random.default_rng(0).standard_normal((16, 16, 3, 3)).astype(np.float32)


def test_it_is_found_by_its_name_and_by_plans() -> None:
    assert parse("ternary") == Ternary()
    assert Ternary() in candidates(Target.ONNX, WEIGHT.shape)
    assert Ternary() not in candidates(Target.IOS16, WEIGHT.shape)
    assert registry.nearest(Target.IOS16, Ternary()) == Palette(bits=2)
    recipe = Recipe(pipeline="P", weights={"net.weight": (Ternary(), WEIGHT.shape)})
    assert Recipe.parse(recipe.dump()) == recipe


def test_exporters_and_tuning_need_no_change_for_it() -> None:
    packed = quantize(WEIGHT, Ternary())
    dense = packed.dense()
    assert packed.size == Ternary().size(WEIGHT.shape) and len(np.unique(dense)) == 3
    layer = nn.Conv2d(16, 16, 3, bias=False)
    layer.weight.data = torch.from_numpy(dense)
    state = {"weight": packed}
    net = Component(
        name="net",
        module=layer.eval(),
        inputs=(TensorSpec(name="x", shape=(1, 16, 8, 8)),),
        outputs=(TensorSpec(name="y", shape=(1, 16, 6, 6)),),
    )
    model = convert(net)
    assert store_packed(model, state) == 1
    assert any(node.op_type == "Gather" for node in model.graph)
    tensors = [value.const_value for value in model.graph.initializers.values()]
    stored = sum(tensor.nbytes for tensor in tensors if tensor is not None)
    assert stored < packed.size + 100, "the packed arrays and a few constants"
    assert mark(layer, state) == 1 and "lut" in "".join(layer.state_dict())
    tunable = TunableTensor(packed)
    np.testing.assert_array_equal(tunable().detach().numpy(), dense)


def test_errors_list_the_spellings_of_all_schemes() -> None:
    with pytest.raises(ValueError, match=r"named 'int5'; expected one of float16, .*, ternary"):
        parse("int5")
