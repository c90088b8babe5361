from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from eval.graphs import onnx as reader

WEIGHT = np.arange(12, dtype=np.float16).reshape(4, 3)
BIAS = np.ones(4, np.float32)
INTEGERS = np.array([[1, -2, 3]] * 4, np.int8)


def model() -> onnx.ModelProto:
    """x · (fp16 weight, widened and transposed) + bias, then · an int8 weight with its scale."""
    held = {
        "a.weight": WEIGHT,
        "a.bias": BIAS,
        "b.weight.int8": INTEGERS,
        "b.weight.scale": np.array(0.5, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["a.weight"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["wide"], ["turned"], perm=[1, 0]),
        helper.make_node("DequantizeLinear", ["b.weight.int8", "b.weight.scale"], ["unpacked"]),
        helper.make_node("MatMul", ["x", "turned"], ["product"]),
        helper.make_node("Add", ["product", "a.bias"], ["sum"]),
        helper.make_node("MatMul", ["sum", "unpacked"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(array, name) for name, array in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_only_what_is_executed_is_an_operation() -> None:
    graph = reader.of_model(model())
    assert [operation.kind for operation in graph.operations] == ["matmul", "add", "matmul"]
    first, addition, _ = graph.operations
    assert first.inputs == ("x",) and first.constants == ("turned",)
    assert addition.inputs == ("product",) and addition.constants == ("a.bias",)


def test_constants_are_the_same_in_however_many_parts_they_are_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = reader.of_model(model()).constants
    monkeypatch.setattr(reader, "PART", 1)
    parts = reader.of_model(model()).constants
    assert parts.keys() == whole.keys()
    assert all(np.array_equal(parts[name], value) for name, value in whole.items())


def test_constants_are_unpacked_and_keep_the_parameter_they_were_stored_under() -> None:
    graph = reader.of_model(model())
    assert np.array_equal(graph.constants["turned"], WEIGHT.T)
    assert np.array_equal(graph.constants["unpacked"], INTEGERS * 0.5)
    assert graph.stored_as["turned"] == "a.weight"
    assert graph.stored_as["a.bias"] == "a.bias"
    assert graph.stored_as["unpacked"].startswith("b.weight")
