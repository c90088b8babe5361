"""`.onnx` files, read by onnx.

Constants are unpacked by running the part of the graph that depends on no input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

from components import Arrays
from eval.graphs.graph import Graph, Operation

_OF_WEIGHTS = ("weight", "bias")
PART = 2**28
"""Bytes of stored numbers that are unpacked at once."""


def read(path: Path) -> Graph:
    """Read a file; in `stored_as`, parameters have their own names."""
    return of_model(_load(path), path.parent)


def inner_values(path: Path, inputs: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every value of the graph, computed without fusing anything."""
    yield from values_of_model(_load(path), inputs, path.parent)


def values_of_model(
    model: onnx.ModelProto, inputs: Arrays, folder: Path = Path()
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every value that a model computes as it stands, by name and in its order.

    Values become outputs of `model`, which is changed. Weights that it keeps in a file of their own
    lie in `folder`.
    """
    names = [name for node in model.graph.node for name in node.output if name]
    known = {output.name for output in model.graph.output}
    model.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in names if name not in known
    )
    options = _options(folder)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    yield from zip(names, _session(model, options).run(names, dict(inputs)), strict=True)


def of_model(model: Any, folder: Path = Path()) -> Graph:
    """The graph of a model in memory, whose weights may lie in a file in `folder`."""
    graph = model.graph
    roots = {tensor.name: tensor.name for tensor in graph.initializer}
    unpacking, executed = [], []
    for node in graph.node:
        taken = [name for name in node.input if name]
        if taken and all(name in roots for name in taken):
            unpacking.append(node)
            root = min((roots[name] for name in taken), key=_parameter_first)
            roots |= dict.fromkeys(node.output, root)
        else:
            executed.append(_operation(node, roots))
    used = {name for operation in executed for name in operation.constants}
    constants = _constants(model, unpacking, used, folder)
    floats = {name: value for name, value in constants.items() if value.dtype.kind == "f"}
    return Graph(
        operations=tuple(executed),
        constants=floats,
        stored_as={name: roots[name] for name in floats},
        steps=_steps(graph, unpacking, floats, folder),
    )


def _operation(node: Any, roots: dict[str, str]) -> Operation:
    taken = [name for name in node.input if name]
    return Operation(
        kind=node.op_type.lower(),
        inputs=tuple(name for name in taken if name not in roots),
        constants=tuple(name for name in taken if name in roots),
        outputs=tuple(name for name in node.output if name),
    )


def _parameter_first(name: str) -> tuple[bool, str]:
    """Sorts the roots of a constant so that one named after a parameter comes first."""
    return (not any(part in _OF_WEIGHTS for part in name.split(".")), name)


def _load(path: Path) -> onnx.ModelProto:
    """A file without the weights beside it: they may be more than a message can hold."""
    return onnx.load(path, load_external_data=False)


def _constants(
    model: Any, unpacking: list[Any], used: set[str], folder: Path
) -> dict[str, np.ndarray]:
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    at = str(folder)
    found = {name: numpy_helper.to_array(stored[name], at) for name in used & stored.keys()}
    for nodes, wanted in _parts(unpacking, stored, sorted(used - stored.keys())):
        taken = {name for node in nodes for name in node.input if name in stored}
        outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in wanted]
        graph = onnx.helper.make_graph(
            nodes, "constants", [], outputs, [stored[name] for name in sorted(taken)]
        )
        part = onnx.helper.make_model(
            graph, opset_imports=list(model.opset_import), ir_version=model.ir_version
        )
        values = _session(part, _options(folder)).run(wanted, {})
        found |= dict(zip(wanted, values, strict=True))
    return found


def _parts(
    unpacking: list[Any], stored: Mapping[str, Any], wanted: list[str]
) -> Iterator[tuple[list[Any], list[str]]]:
    """The nodes that unpack some constants, and the constants' names.

    Each part reads at most `PART` bytes of stored numbers, or one constant: a protobuf message has
    at most 2 GiB, and a session copies it.
    """
    makers = {name: node for node in unpacking for name in node.output}
    order = {id(node): index for index, node in enumerate(unpacking)}
    nodes: dict[int, Any] = {}
    names: list[str] = []
    size = 0
    for name in wanted:
        mine = _ancestors(name, makers)
        read = sum(
            _bytes(stored[taken]) for node in mine for taken in node.input if taken in stored
        )
        if names and size + read > PART:
            yield [nodes[index] for index in sorted(nodes)], names
            nodes, names, size = {}, [], 0
        nodes |= {order[id(node)]: node for node in mine}
        names.append(name)
        size += read
    if names:
        yield [nodes[index] for index in sorted(nodes)], names


def _ancestors(name: str, makers: Mapping[str, Any]) -> list[Any]:
    """The nodes that a value is computed by."""
    found: dict[int, Any] = {}
    waiting = [name]
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and id(node) not in found:
            found[id(node)] = node
            waiting += node.input
    return list(found.values())


def _bytes(tensor: onnx.TensorProto) -> int:
    """Bytes of a tensor's numbers, wherever they lie."""
    return math.prod(tensor.dims) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize


def _options(folder: Path) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(folder)
    )
    options.log_severity_level = 3
    return options


def _session(model: onnx.ModelProto, options: ort.SessionOptions) -> ort.InferenceSession:
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _steps(
    graph: Any, unpacking: list[Any], floats: dict[str, np.ndarray], folder: Path
) -> dict[str, np.ndarray]:
    """The steps of constants in int32, which are biases of layers that compute in int8."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    return {
        node.output[0]: numpy_helper.to_array(stored[node.input[1]], str(folder))
        for node in unpacking
        if node.op_type == "DequantizeLinear"
        and node.output[0] in floats
        and stored[node.input[0]].data_type == onnx.TensorProto.INT32
    }
