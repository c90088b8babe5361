"""One rewrite: layers that compute in int8 (W8A8), by static quantize and dequantize pairs.

    before  Conv(x, DequantizeLinear(weight), bias)
    after   DQ(Q(Conv(DQ(Q(x)), DequantizeLinear(weight), DQ(bias))))

ONNX Runtime fuses these into QLinearConv: signed int8 on both sides (S8S8), weights by channel, no
offsets, biases in int32 in steps of input scale · weight scale. The output of a linear layer stays
in fp32. ONNX Runtime 1.28 first joins a product with its bias into one Gemm, for which it has no
int8 kernel, so linear layers get the numbers of int8 and only convolutions get its speed.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from export.errors import ConversionError
from quantization import Int8Layers, LayerScales, PackedState


def compute_in_int8(model: ir.Model, packed: PackedState, layers: Int8Layers) -> int:
    """Rewrite, in place, a model whose weights `store_packed` has stored.

    Returns:
        How many layers were rewritten.

    Raises:
        ConversionError: A layer is not in the graph as a convolution or a product.
    """
    for name, scales in layers.items():
        node = _layer(model.graph, name)
        _Layer(model.graph, name, node).rewrite(scales, packed[f"{name}.weight"].arrays["scale"])
    return len(layers)


def _layer(graph: ir.Graph, name: str) -> ir.Node:
    for node in graph:
        if node.op_type in ("Conv", "Gemm", "MatMul") and len(node.inputs) > 1:
            weight = node.inputs[1].producer() if node.inputs[1] is not None else None
            if weight is not None and weight.name == f"{name}.weight.0.dequantizelinear":
                return node
    raise ConversionError(f"ONNX: {name} is no convolution or product of its own in the graph")


class _Layer:
    """The node of one layer, and what is put around it."""

    def __init__(self, graph: ir.Graph, name: str, node: ir.Node) -> None:
        self.graph, self.name, self.node = graph, name, node

    def rewrite(self, scales: LayerScales, weight_scale: np.ndarray) -> None:
        """Put the pairs around the node; `weight_scale` (out,) is that of its int8 weight."""
        node = self.node
        source, bias = node.inputs[0], node.inputs[2] if len(node.inputs) > 2 else None
        assert source is not None
        nodes, value = self._pair("input", source, scales.input)
        node.replace_input_with(0, value)
        if bias is not None and bias.const_value is not None:
            steps = np.float32(scales.input) * weight_scale.astype(np.float32)
            nodes.append(self._bias(bias.const_value.numpy(), steps))
            node.replace_input_with(2, nodes[-1].outputs[0])
        self.graph.insert_before(node, nodes)
        if node.op_type == "Conv" and not node.outputs[0].is_graph_output():
            self._quantize_output(scales.output)

    def _bias(self, bias: np.ndarray, steps: np.ndarray) -> ir.Node:
        """The bias in int32, in steps of input scale · weight scale, and what widens it."""
        integers = np.rint(bias / np.where(steps == 0, 1, steps))
        held = self._constant("bias.int32", integers.astype(np.int32))
        return self._node("DequantizeLinear", "bias", held, self._constant("bias.scale", steps))

    def _quantize_output(self, scale: float) -> None:
        result = self.node.outputs[0]
        users = list(result.uses())
        nodes, value = self._pair("output", result, scale)
        for user in users:
            user.node.replace_input_with(user.idx, value)
        self.graph.insert_after(self.node, nodes)

    def _pair(self, what: str, source: ir.Value, scale: float) -> tuple[list[ir.Node], ir.Value]:
        """QuantizeLinear and DequantizeLinear after a value, and what they return."""
        step = self._constant(f"{what}.scale", np.array(scale, np.float32))
        zero = self._constant(f"{what}.zero", np.array(0, np.int8))
        first = self._node("QuantizeLinear", what, source, step, zero)
        second = self._node("DequantizeLinear", what, first.outputs[0], step, zero)
        second.outputs[0].shape, second.outputs[0].type = source.shape, source.type
        return [first, second], second.outputs[0]

    def _node(self, operation: str, what: str, *inputs: ir.Value) -> ir.Node:
        name = f"{self.name}.{what}.{operation.lower()}"
        axis = {"axis": 0} if what == "bias" else None
        return ir.node(operation, inputs, axis, name=name, outputs=[ir.Value(name=name)])

    def _constant(self, what: str, array: np.ndarray) -> ir.Value:
        name = f"{self.name}.{what}"
        tensor = ir.tensor(array, name=name)
        kind, shape = ir.TensorType(tensor.dtype), ir.Shape(array.shape)
        value = ir.Value(name=name, shape=shape, type=kind, const_value=tensor)
        self.graph.register_initializer(value)
        return value
