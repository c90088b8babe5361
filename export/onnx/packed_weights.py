"""One rewrite: weights stored packed, unpacked by arithmetic that ONNX Runtime does once, at load.

    before  Conv(x, weight: fp32)
    after   Conv(x, unpack(weight.indices, weight.table)), and the like

    LookUp                     Gather(table, bits of the indices)
    Scaled, 8 bits a channel   DequantizeLinear
    Scaled, else               bits of the integers · scale

DequantizeLinear has int4 and blocks from opset 21 only. Bits are taken out with int32 arithmetic,
which has had kernels since opset 13: bytes to words of 8 or 24 bits, then division and remainder.

The graph may hold the weight of a linear layer transposed. What DequantizeLinear reads is then
stored transposed, because int8 kernels want DequantizeLinear beside the product; everything else is
stored as it is, with a Transpose after it. `Plain` weights are left to `store_weights_in_fp16`.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from export.errors import ConversionError
from quantization import LookUp, PackedState, Plain, Scaled


def store_packed(model: ir.Model, packed: PackedState) -> int:
    """Rewrite a model in place.

    Returns:
        How many weights were rewritten.

    Raises:
        ConversionError: A weight is not in the graph as its packed tensor says.
    """
    rewritten = 0
    nodes: list[ir.Node] = []
    # A checkpoint that is read from files has its tensors in another order.
    for name, tensor in sorted(packed.items()):
        form = tensor.form
        if isinstance(form, Plain):
            continue
        value, transposed = _find(model.graph, name, form.dense())
        writer = _Writer(model.graph, name)
        dense = writer.dense(form, transposed)
        dense.shape, dense.type = value.shape, value.type
        value.replace_all_uses_with(dense)
        del model.graph.initializers[value.name or ""]
        nodes += writer.nodes
        rewritten += 1
    if nodes:
        model.graph.insert_before(model.graph[0], nodes)
    return rewritten


def _find(graph: ir.Graph, name: str, dense: np.ndarray) -> tuple[ir.Value, bool]:
    """The initializer that holds a weight, and whether it is transposed there.

    PyTorch's exporter gives a transposed weight a new name, so it is known by its numbers.
    """
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

    def dense(self, form: LookUp | Scaled, transposed: bool) -> ir.Value:
        """The weight in fp32, as the graph wants it."""
        match form:
            case Scaled(bits=8, block=0):
                return self._int8_by_channel(form, transposed)
            case Scaled():
                flat = self._scaled(form)
            case LookUp():
                flat = self._look_up(form)
        shape = self._constant("shape", np.array(form.shape, np.int64))
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

    def _int8_by_channel(self, form: Scaled, transposed: bool) -> ir.Value:
        integers = form.integers()
        data = self._constant("int8", integers.T if transposed else integers)
        scale = self._constant("scale", form.scale.astype(np.float32))
        return self.add("DequantizeLinear", data, scale, axis=int(transposed))

    def _look_up(self, form: LookUp) -> ir.Value:
        table = form.table
        indices = self._bits("indices", form)
        if len(table) > 1:  # one long table: a group's entries begin where the last one's end
            rows = np.array([len(table), -1], np.int64)
            indices = self.add("Reshape", indices, self._constant("groups", rows))
            starts = (np.arange(len(table)) * table.shape[1]).astype(np.int32)
            indices = self.add("Add", indices, self._constant("starts", starts[:, None]))
        numbers = self._cast(self._constant("table", table.reshape(-1)), ir.DataType.FLOAT)
        return self.add("Gather", numbers, indices, axis=0)

    def _scaled(self, form: Scaled) -> ir.Value:
        half, whole = self._number(1 << form.bits - 1), self._number(1 << form.bits)
        # From unsigned to two's complement: (u + half) mod whole - half.
        raw = self.add("Mod", self.add("Add", self._bits("data", form), half), whole)
        integers = self._cast(self.add("Sub", raw, half), ir.DataType.FLOAT)
        blocks = self._constant("blocks", np.array([*form.scale.shape, -1], np.int64))
        scales = self._cast(self._constant("scale", form.scale[..., None]), ir.DataType.FLOAT)
        return self.add("Mul", self.add("Reshape", integers, blocks), scales)

    def _bits(self, name: str, form: LookUp | Scaled) -> ir.Value:
        """The packed integers of a weight, flat, int32, without sign."""
        bits, count, packed = form.bits, math.prod(form.shape), form.packed
        if bits == 8:
            return self._cast(self._constant(name, packed), ir.DataType.INT32)
        size = 3 if bits in (3, 6) else 1  # bytes of a word that whole integers fill
        padded = np.zeros(-(-len(packed) // size) * size, np.uint8)
        padded[: len(packed)] = packed
        words = self._cast(self._constant(name, padded.reshape(-1, size)), ir.DataType.INT32)
        if size > 1:
            weights = self._constant("places", np.array([1, 1 << 8, 1 << 16], np.int32))
            axis = self._constant("axis", np.array([1], np.int64))
            words = self.add("ReduceSum", self.add("Mul", words, weights), axis, keepdims=1)
        divisors = 1 << (np.arange(8 * size // bits) * bits)
        shifted = self.add("Div", words, self._constant("divisors", divisors.astype(np.int32)))
        values = self.add("Mod", shifted, self._number(1 << bits))
        flat = self.add("Reshape", values, self._constant("flat", np.array([-1], np.int64)))
        if len(padded) * 8 // bits == count:
            return flat
        ends = [self._constant(n, np.array([v], np.int64)) for n, v in (("from", 0), ("to", count))]
        return self.add("Slice", flat, *ends)
