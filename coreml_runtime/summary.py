"""What a package holds, read without decoding a weight: ops, parameters, bits, MACs."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .features import Feature, read_features
from .package import Package
from .program import Block, Constant, Function, Operation, TensorType, ValueType, read_function

OLDEST_IOS = {5: "15", 6: "16", 7: "17", 8: "18", 9: "26"}
SHOWN_AS_WEIGHT = 10  # elements; below it a constant is an argument such as strides


@dataclass(frozen=True, kw_only=True)
class FunctionSummary:
    """One function.

    ``parameters`` are the elements of constant tensors that ops read (of 10 and more, smaller ones
    are arguments), ``stored_bits`` what the file spends on them, tables and scales included.
    ``macs`` counts multiply-accumulates of convolutions, matrix products and recurrent layers with
    the default shapes; ``uncounted`` ops among these have sizes known only at run time.
    """

    name: str
    opset: int
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    states: tuple[Feature, ...]
    ops: dict[str, int]
    parameters: int
    stored_bits: int
    macs: int
    uncounted: int

    @property
    def ios(self) -> str:
        """The oldest iOS that runs it."""
        return OLDEST_IOS.get(self.opset, "?")

    @property
    def bits_per_weight(self) -> float:
        return self.stored_bits / self.parameters if self.parameters else 0.0


def summarize(path: str | Path) -> tuple[FunctionSummary, ...]:
    """Every function of a package; of a pipeline, every function of every program in it.

    Raises:
        PackageError: it cannot be believed. ProgramError: a program in it is malformed.
    """
    return tuple(_summaries(Package(path).spec, ""))


def _summaries(spec: Any, prefix: str) -> Iterator[FunctionSummary]:
    for number, stage in enumerate(spec.pipeline.models, 1):
        yield from _summaries(stage, f"{prefix}{number}/")
    entries = {entry.name: entry for entry in spec.description.functions}
    for name in sorted(spec.mlProgram.functions):
        function = read_function(spec.mlProgram, name)
        yield _summary(prefix + name, function, entries.get(name, spec.description))


def _summary(name: str, function: Function, entry: Any) -> FunctionSummary:
    counter = _Counter(function)
    return FunctionSummary(
        name=name,
        opset=function.opset,
        inputs=read_features(entry.input),
        outputs=read_features(entry.output),
        states=read_features(entry.state),
        ops=dict(counter.ops.most_common()),
        parameters=counter.parameters,
        stored_bits=counter.stored_bits,
        macs=counter.macs,
        uncounted=counter.uncounted,
    )


class _Counter:
    """One walk over a function: all counts."""

    def __init__(self, function: Function) -> None:
        self.ops: Counter[str] = Counter()
        self.parameters = self.stored_bits = self.macs = self.uncounted = 0
        self._types: dict[str, ValueType] = dict(function.inputs)
        self._walk(function.body)

    def _walk(self, block: Block) -> None:
        self._types.update(block.inputs)
        for operation in block.operations:
            self._types.update(operation.outputs)
            if operation.type == "const":
                self._constant(operation.outputs[0][1], operation.inputs.get("val", ()))
            elif operation.type.startswith("constexpr_"):
                self._decompressed(operation)
            else:
                self.ops[operation.type] += 1
                self._multiply(operation)
            for inner in operation.blocks:
                self._walk(inner)

    def _constant(self, type_: ValueType, value: tuple[Any, ...]) -> None:
        count = _elements(type_)
        if count >= SHOWN_AS_WEIGHT and value:
            self.parameters += count
            self.stored_bits += _stored_bits(value[0])

    def _decompressed(self, operation: Operation) -> None:
        """Its arguments are what is stored; its last result, if an op reads it, the weight."""
        self.ops[operation.type] += 1
        self.parameters += _elements(operation.outputs[-1][1])
        for bindings in operation.inputs.values():
            for binding in bindings:
                if isinstance(binding, Constant):
                    self.stored_bits += _stored_bits(binding)
                elif binding in self._types:  # a stage of joint compression is no weight itself
                    self.parameters -= _elements(self._types[binding])

    def _multiply(self, operation: Operation) -> None:
        count = _MACS.get(operation.type)
        if count is None:
            return
        shapes = {
            key: self._shape(bindings[-1]) for key, bindings in operation.inputs.items() if bindings
        }
        shapes["result"] = self._shape_of(operation.outputs[0][1])
        try:
            self.macs += count(shapes)
        except (TypeError, KeyError, IndexError, ValueError):
            self.uncounted += 1

    def _shape(self, binding: Any) -> tuple[int, ...] | None:
        type_ = binding.type if isinstance(binding, Constant) else self._types.get(binding)
        return self._shape_of(type_)

    @staticmethod
    def _shape_of(type_: Any) -> tuple[int, ...] | None:
        return type_.static_shape if isinstance(type_, TensorType) else None


def _elements(type_: ValueType) -> int:
    shape = type_.static_shape if isinstance(type_, TensorType) else None
    return math.prod(shape) if shape is not None else 0


def _stored_bits(constant: Constant) -> int:
    type_ = constant.type
    return _elements(type_) * type_.dtype.bits if isinstance(type_, TensorType) else 0


def _conv(shapes: dict[str, Any]) -> int:
    return math.prod(shapes["result"]) * math.prod(shapes["weight"][1:])


def _conv_transpose(shapes: dict[str, Any]) -> int:
    return math.prod(shapes["x"]) * math.prod(shapes["weight"][1:])


def _linear(shapes: dict[str, Any]) -> int:
    return math.prod(shapes["result"]) * int(shapes["weight"][-1])


def _matmul(shapes: dict[str, Any]) -> int:
    """Every element of x meets each column of y (transposed or not: the result tells)."""
    left, right, result = shapes["x"], shapes["y"], shapes["result"]
    batch = math.prod(result[:-2])
    inner = math.isqrt(
        math.prod(left[-2:]) * math.prod(right[-2:]) // max(math.prod(result[-2:]), 1)
    )
    return batch * math.prod(result[-2:]) * inner


def _attention(shapes: dict[str, Any]) -> int:
    query, key, value = shapes["query"], shapes["key"], shapes["value"]
    return math.prod(query[:-1]) * int(key[-2]) * (int(query[-1]) + int(value[-1]))


def _recurrent(shapes: dict[str, Any]) -> int:
    steps, batch, _ = shapes["x"]
    once = math.prod(shapes["weight_ih"]) + math.prod(shapes["weight_hh"])
    both = 2 if shapes.get("weight_ih_back") else 1
    return int(steps * batch * once * both)


_MACS = {
    "conv": _conv, "conv_quantized": _conv, "conv_transpose": _conv_transpose, "linear": _linear,
    "matmul": _matmul, "scaled_dot_product_attention": _attention, "rnn": _recurrent,
    "gru": _recurrent, "lstm": _recurrent,
}  # fmt: skip
