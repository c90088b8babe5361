"""`.ort` files turned back into ONNX: the same operations, fused as they are, the same constants.

ONNX Runtime gives the outputs of a graph only, and nothing can be added to an `.ort` file. The
model that is made here can be run with every value as an output and without further optimisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import (
    InferenceSession,
)
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.TensorTypeAndShape import (
    TensorTypeAndShape,
)

Kind = onnx.AttributeProto


def read(path: Path) -> onnx.ModelProto:
    """Read a file as an ONNX model.

    Raises:
        NotImplementedError: The file has control flow, sparse constants, or text.
    """
    model = InferenceSession.GetRootAs(path.read_bytes(), 0).Model()
    graph = model.Graph()
    if graph.SparseInitializersLength():
        raise NotImplementedError("sparse constants of an .ort file")
    kinds = {kind.Name().decode(): kind for kind in _each(graph, "NodeArgs")}
    initializers = [_tensor(tensor) for tensor in _each(graph, "Initializers")]
    held = {tensor.name for tensor in initializers}
    inputs, outputs = _names(graph, "Inputs"), _names(graph, "Outputs")
    made = onnx.helper.make_graph(
        [_node(node) for node in sorted(_each(graph, "Nodes"), key=lambda node: node.Index())],
        "ort",
        [_value(kinds[name]) for name in inputs if name not in held],
        [_value(kinds[name]) for name in outputs],
        initializers,
    )
    opsets = [
        onnx.helper.make_opsetid(_text(opset.Domain()), opset.Version())
        for opset in _each(model, "OpsetImport")
    ]
    return onnx.helper.make_model(_sorted(made), opset_imports=opsets, ir_version=model.IrVersion())


def _each(holder: Any, name: str) -> Iterator[Any]:
    get: Callable[[int], Any] = getattr(holder, name)
    yield from (get(index) for index in range(getattr(holder, f"{name}Length")()))


def _names(holder: Any, name: str) -> list[str]:
    return [text.decode() for text in _each(holder, name)]


def _text(value: bytes | None) -> str:
    return (value or b"").decode()


def _tensor(tensor: Any) -> onnx.TensorProto:
    if tensor.StringDataLength() or tensor.ExternalDataOffset() >= 0:
        raise NotImplementedError("constants of an .ort file that are text or lie outside of it")
    raw = tensor.RawDataAsNumpy()
    return onnx.TensorProto(
        name=_text(tensor.Name()),
        dims=list(_each(tensor, "Dims")),
        data_type=tensor.DataType(),
        raw_data=raw.tobytes() if isinstance(raw, np.ndarray) else b"",
    )


def _value(info: Any) -> onnx.ValueInfoProto:
    held = info.Type().Value()
    tensor = TensorTypeAndShape()
    tensor.Init(held.Bytes, held.Pos)
    return onnx.helper.make_tensor_value_info(_text(info.Name()), tensor.ElemType(), None)


def _node(node: Any) -> onnx.NodeProto:
    made = onnx.helper.make_node(
        _text(node.OpType()),
        _names(node, "Inputs"),
        _names(node, "Outputs"),
        name=_text(node.Name()),
        domain=_text(node.Domain()),
    )
    made.attribute.extend(_attribute(attribute) for attribute in _each(node, "Attributes"))
    return made


_VALUES: Mapping[int, tuple[str, Callable[[Any], Any]]] = {
    Kind.FLOAT: ("f", lambda attribute: attribute.F()),
    Kind.INT: ("i", lambda attribute: attribute.I()),
    Kind.STRING: ("s", lambda attribute: attribute.S() or b""),
    Kind.TENSOR: ("t", lambda attribute: _tensor(attribute.T())),
    Kind.FLOATS: ("floats", lambda attribute: list(_each(attribute, "Floats"))),
    Kind.INTS: ("ints", lambda attribute: list(_each(attribute, "Ints"))),
    Kind.STRINGS: ("strings", lambda attribute: list(_each(attribute, "Strings"))),
}
"""The field of an attribute of a kind, and how it is read; kinds have the numbers of ONNX."""


def _attribute(attribute: Any) -> onnx.AttributeProto:
    if attribute.Type() not in _VALUES:
        raise NotImplementedError("an .ort file with control flow")
    field, value = _VALUES[attribute.Type()]
    name, kind = _text(attribute.Name()), attribute.Type()
    return onnx.AttributeProto(name=name, type=kind, **{field: value(attribute)})


def _sorted(graph: onnx.GraphProto) -> onnx.GraphProto:
    """Put operations after those whose results they take, as ONNX asks, else in their order."""
    known = {value.name for value in (*graph.input, *graph.initializer)} | {""}
    waiting, ordered = list(graph.node), []
    while waiting:
        ready = [node for node in waiting if known.issuperset(node.input)]
        if not ready:
            raise NotImplementedError("an .ort file whose operations have no order")
        ordered += ready
        known |= {name for node in ready for name in node.output}
        waiting = [node for node in waiting if not known.issuperset(node.output)]
    del graph.node[:]
    graph.node.extend(ordered)
    return graph
