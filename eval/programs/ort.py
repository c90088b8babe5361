"""`.ort`, read by the FlatBuffers schema that ONNX Runtime ships."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import (
    InferenceSession,
)

from eval.programs import Operation, Program

_DTYPES = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}
"""ONNX's numbers of element types, of those that occur."""


def read(path: Path) -> Program:
    """Read a file whose weights are dense.

    Raises:
        NotImplementedError: Weights are packed: only ONNX Runtime itself can unpack them.
    """
    graph = InferenceSession.GetRootAs(path.read_bytes(), 0).Model().Graph()
    tensors = [graph.Initializers(place) for place in range(graph.InitializersLength())]
    stored = {tensor.Name().decode(): _array(tensor) for tensor in tensors}
    nodes = [graph.Nodes(place) for place in range(graph.NodesLength())]
    operations = tuple(_operation(node, stored) for node in nodes)
    if any(not operation.inputs and operation.constants for operation in operations):
        raise NotImplementedError("packed weights of an .ort file cannot be read back")
    used = {name for operation in operations for name in operation.constants}
    floats = {name: stored[name] for name in sorted(used) if stored[name].dtype.kind == "f"}
    return Program(
        operations=operations, constants=floats, stored_as={name: name for name in floats}
    )


def _operation(node: Any, stored: dict[str, np.ndarray]) -> Operation:
    taken = [node.Inputs(place).decode() for place in range(node.InputsLength())]
    given = (node.Outputs(place).decode() for place in range(node.OutputsLength()))
    return Operation(
        kind=node.OpType().decode().lower(),
        inputs=tuple(name for name in taken if name and name not in stored),
        constants=tuple(name for name in taken if name in stored),
        outputs=tuple(name for name in given if name),
        added=_added(node, taken),
    )


def _added(node: Any, taken: list[str]) -> str:
    """`FusedConv` is activation(conv(X, W, B) + Z), both optional."""
    attributes = (node.Attributes(place).Name() for place in range(node.AttributesLength()))
    fused = node.OpType() == b"FusedConv" and b"activation" not in attributes
    return taken[3] if fused and len(taken) > 3 else ""


def _array(tensor: Any) -> np.ndarray:
    shape = tuple(tensor.Dims(place) for place in range(tensor.DimsLength()))
    dtype = _DTYPES.get(tensor.DataType())
    if dtype is None:
        return np.empty(0, "?")  # text: no weight
    raw = tensor.RawDataAsNumpy()
    data = raw.tobytes() if isinstance(raw, np.ndarray) else b""
    return np.frombuffer(data, dtype, math.prod(shape)).reshape(shape)
