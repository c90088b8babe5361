"""`.onnx`, read by onnx; constants are unpacked by running the part of the graph that needs no
input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

from eval.programs import Operation, Program

_OF_WEIGHTS = ("weight", "bias")


def read(path: Path) -> Program:
    """Read a file. `stored_as` has parameters by their own names."""
    return of_model(onnx.load(path))


def of_model(model: Any) -> Program:
    """The same of a model in memory."""
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
    constants = _constants(model, unpacking, used)
    floats = {name: value for name, value in constants.items() if value.dtype.kind == "f"}
    return Program(
        operations=tuple(executed),
        constants=floats,
        stored_as={name: roots[name] for name in floats},
        steps=_steps(graph, unpacking, floats),
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
    """Sorts roots so that the one named after a parameter comes first."""
    return (not any(part in _OF_WEIGHTS for part in name.split(".")), name)


def _constants(model: Any, unpacking: list[Any], used: set[str]) -> dict[str, np.ndarray]:
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    found = {name: numpy_helper.to_array(stored[name]) for name in used & stored.keys()}
    wanted = sorted(used - stored.keys())
    if wanted:
        outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in wanted]
        graph = onnx.helper.make_graph(
            unpacking, "constants", [], outputs, list(model.graph.initializer)
        )
        part = onnx.helper.make_model(
            graph, opset_imports=list(model.opset_import), ir_version=model.ir_version
        )
        options = ort.SessionOptions()
        options.log_severity_level = 3
        session = ort.InferenceSession(
            part.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        found |= dict(zip(wanted, session.run(wanted, {}), strict=True))
    return found


def _steps(
    graph: Any, unpacking: list[Any], floats: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Steps of what is stored in int32: biases of layers that compute in int8."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    return {
        node.output[0]: numpy_helper.to_array(stored[node.input[1]])
        for node in unpacking
        if node.op_type == "DequantizeLinear"
        and node.output[0] in floats
        and stored[node.input[0]].data_type == onnx.TensorProto.INT32
    }
