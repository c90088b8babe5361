"""`.ort` files, read by the FlatBuffers schema that ONNX Runtime ships."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import (
    InferenceSession,
)

from components import Arrays
from eval.graphs import ort_to_onnx
from eval.graphs.graph import Graph, Operation
from eval.graphs.onnx import values_of_model

_DTYPES = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}
"""NumPy's names of those element types that occur, by their numbers in ONNX."""


def read(path: Path) -> Graph:
    """Read a file whose weights are dense.

    Raises:
        NotImplementedError: Weights are packed, and only ONNX Runtime itself can unpack them.
    """
    graph = InferenceSession.GetRootAs(path.read_bytes(), 0).Model().Graph()
    tensors = [graph.Initializers(i) for i in range(graph.InitializersLength())]
    stored = {tensor.Name().decode(): _array(tensor) for tensor in tensors}
    nodes = [graph.Nodes(i) for i in range(graph.NodesLength())]
    operations = tuple(_operation(node, stored) for node in nodes)
    if any(not operation.inputs and operation.constants for operation in operations):
        raise NotImplementedError("packed weights of an .ort file cannot be read back")
    used = {name for operation in operations for name in operation.constants}
    floats = {name: stored[name] for name in sorted(used) if stored[name].dtype.kind == "f"}
    return Graph(operations=operations, constants=floats, stored_as={name: name for name in floats})


def inner_values(path: Path, inputs: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every value of the same operations, fused as in the file, as an ONNX model.

    Raises:
        NotImplementedError: The file cannot be turned into an ONNX model.
    """
    yield from values_of_model(ort_to_onnx.read(path), inputs)


def _operation(node: Any, stored: dict[str, np.ndarray]) -> Operation:
    taken = [node.Inputs(i).decode() for i in range(node.InputsLength())]
    given = (node.Outputs(i).decode() for i in range(node.OutputsLength()))
    return Operation(
        kind=node.OpType().decode().lower(),
        inputs=tuple(name for name in taken if name and name not in stored),
        constants=tuple(name for name in taken if name in stored),
        outputs=tuple(name for name in given if name),
        added=_added(node, taken),
    )


def _added(node: Any, taken: list[str]) -> str:
    """The name of Z in `FusedConv`, which is activation(conv(X, W, B) + Z).

    Empty where there is none, or where an activation follows.
    """
    attributes = (node.Attributes(i).Name() for i in range(node.AttributesLength()))
    fused = node.OpType() == b"FusedConv" and b"activation" not in attributes
    return taken[3] if fused and len(taken) > 3 else ""


def _array(tensor: Any) -> np.ndarray:
    shape = tuple(tensor.Dims(i) for i in range(tensor.DimsLength()))
    dtype = _DTYPES.get(tensor.DataType())
    if dtype is None:
        return np.empty(0, "?")  # text: no weight
    raw = tensor.RawDataAsNumpy()
    data = raw.tobytes() if isinstance(raw, np.ndarray) else b""
    return np.frombuffer(data, dtype, math.prod(shape)).reshape(shape)
