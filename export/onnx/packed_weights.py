"""One rewrite: weights stored packed, unpacked by arithmetic that ONNX Runtime does once, at load.

    before  Conv(x, weight: fp32)
    after   Conv(x, unpack(weight.indices, weight.table)), and the like

    palettes  Gather(table, bits of the indices)
    int8      DequantizeLinear, by channel
    int4      bits of the integers · scale, by block (DequantizeLinear has int4 from opset 21 only)

Bits are taken out with int32 arithmetic, which has had kernels since opset 13: bytes to words of 8
or 24 bits, then division and remainder. A linear layer's weight may stand in the graph transposed;
then int8 is stored transposed, for int8 kernels want DequantizeLinear beside the product, and
everything else as it is with a Transpose to follow. Weights in `float16` are left to
`store_weights_in_fp16`.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from export.errors import ConversionError
from quantization import Packed, PackedState


def store_packed(model: ir.Model, packed: PackedState) -> int:
    """Rewrite a model in place; gives how many weights were rewritten.

    Raises:
        ConversionError: A weight is not in the graph as its packed tensor says.
    """
    rewritten = 0
    nodes: list[ir.Node] = []
    # Read from a file they come in another order.
    for name, tensor in sorted(packed.items()):
        if tensor.scheme.kind == "float16":
            continue
        value, transposed = _find(model.graph, name, tensor)
        writer = _Writer(model.graph, name)
        dense = writer.dense(tensor, transposed)
        dense.shape, dense.type = value.shape, value.type
        value.replace_all_uses_with(dense)
        del model.graph.initializers[value.name or ""]
        nodes += writer.nodes
        rewritten += 1
    if nodes:
        model.graph.insert_before(model.graph[0], nodes)
    return rewritten


def _find(graph: ir.Graph, name: str, tensor: Packed) -> tuple[ir.Value, bool]:
    """The initializer that holds a weight, and whether it is transposed there.

    The exporter names what it transposed anew, so such a weight is known by its numbers.
    """
    dense = tensor.dense()
    value = graph.initializers.get(name)
    if value is not None and value.const_value is not None:
        if np.array_equal(value.const_value.numpy(), dense):
            return value, False
    elif dense.ndim == 2:
        for value in graph.initializers.values():
            held = value.const_value
            alike = held is not None and tuple(held.shape) == dense.T.shape
            if alike and held is not None and np.array_equal(held.numpy(), dense.T):
                return value, True
    raise ConversionError(f"ONNX: {name} is not in the graph as the recipe has it")


class _Writer:
    """The nodes and initializers that one weight becomes."""

    def __init__(self, graph: ir.Graph, name: str) -> None:
        self.graph, self.name = graph, name
        self.nodes: list[ir.Node] = []

    def dense(self, tensor: Packed, transposed: bool) -> ir.Value:
        """The weight in fp32."""
        kind = tensor.scheme.kind
        if kind == "int8":
            return self._int8(tensor, transposed)
        flat = self._palette(tensor) if kind == "palette" else self._int4(tensor)
        shape = self._constant("shape", np.array(tensor.shape, np.int64))
        shaped = self.add("Reshape", flat, shape)
        return self.add("Transpose", shaped, perm=[1, 0]) if transposed else shaped

    def add(self, operation: str, *inputs: ir.Value, **attributes: object) -> ir.Value:
        """Append a node with one output."""
        name = f"{self.name}.{len(self.nodes)}.{operation.lower()}"
        output = ir.Value(name=name)
        node = ir.node(operation, inputs, attributes or None, name=name, outputs=[output])
        self.nodes.append(node)
        return output

    def _constant(self, what: str, array: np.ndarray) -> ir.Value:
        name = f"{self.name}.{what}"
        tensor = ir.tensor(np.ascontiguousarray(array), name=name)
        value = ir.Value(
            name=name,
            shape=ir.Shape(array.shape),
            type=ir.TensorType(tensor.dtype),
            const_value=tensor,
        )
        self.graph.register_initializer(value)
        return value

    def _number(self, number: int) -> ir.Value:
        known = self.graph.initializers.get(f"{self.name}.{number}")
        return known or self._constant(str(number), np.array(number, np.int32))

    def _cast(self, value: ir.Value, dtype: ir.DataType) -> ir.Value:
        return self.add("Cast", value, to=int(dtype))

    def _int8(self, tensor: Packed, transposed: bool) -> ir.Value:
        integers = tensor.arrays["data"]
        data = self._constant("int8", integers.T if transposed else integers)
        scale = self._constant("scale", tensor.arrays["scale"].astype(np.float32))
        return self.add("DequantizeLinear", data, scale, axis=int(transposed))

    def _palette(self, tensor: Packed) -> ir.Value:
        table = tensor.arrays["table"]
        indices = self._bits("indices", tensor)
        if len(table) > 1:  # one long table: a group's entries begin where the last one's end
            rows = np.array([len(table), -1], np.int64)
            indices = self.add("Reshape", indices, self._constant("groups", rows))
            starts = (np.arange(len(table)) * table.shape[1]).astype(np.int32)
            indices = self.add("Add", indices, self._constant("starts", starts[:, None]))
        numbers = self._cast(self._constant("table", table.reshape(-1)), ir.DataType.FLOAT)
        return self.add("Gather", numbers, indices, axis=0)

    def _int4(self, tensor: Packed) -> ir.Value:
        scale = tensor.arrays["scale"]
        eight, sixteen = self._number(8), self._number(16)
        raw = self.add("Mod", self.add("Add", self._bits("data", tensor), eight), sixteen)
        integers = self._cast(self.add("Sub", raw, eight), ir.DataType.FLOAT)
        blocks = self._constant("blocks", np.array([*scale.shape, -1], np.int64))
        scales = self._cast(self._constant("scale", scale[..., None]), ir.DataType.FLOAT)
        return self.add("Mul", self.add("Reshape", integers, blocks), scales)

    def _bits(self, array: str, tensor: Packed) -> ir.Value:
        """The packed integers of a tensor, flat, int32, without sign."""
        bits, count = tensor.scheme.bits, math.prod(tensor.shape)
        packed = tensor.arrays[array]
        if bits == 8:
            return self._cast(self._constant(array, packed), ir.DataType.INT32)
        size = 3 if bits in (3, 6) else 1  # bytes of a word that whole integers fill
        padded = np.zeros(-(-len(packed) // size) * size, np.uint8)
        padded[: len(packed)] = packed
        words = self._cast(self._constant(array, padded.reshape(-1, size)), ir.DataType.INT32)
        if size > 1:
            places = self._constant("places", np.array([1, 1 << 8, 1 << 16], np.int32))
            axis = self._constant("axis", np.array([1], np.int64))
            words = self.add("ReduceSum", self.add("Mul", words, places), axis, keepdims=1)
        divisors = 1 << (np.arange(8 * size // bits) * bits)
        shifted = self.add("Div", words, self._constant("divisors", divisors.astype(np.int32)))
        values = self.add("Mod", shifted, self._number(1 << bits))
        flat = self.add("Reshape", values, self._constant("flat", np.array([-1], np.int64)))
        if len(padded) * 8 // bits == count:
            return flat
        ends = [self._constant(n, np.array([v], np.int64)) for n, v in (("from", 0), ("to", count))]
        return self.add("Slice", flat, *ends)
