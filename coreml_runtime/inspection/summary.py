"""Summarizes the ops, parameters, bits and multiplications of a package, without its weights."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..package import (
    Block,
    Constant,
    Feature,
    Function,
    Operation,
    Package,
    TensorType,
    ValueType,
    read_features,
    read_function,
)
from .multiply_accumulates import MULTIPLY_ACCUMULATES

OLDEST_IOS = {5: "15", 6: "16", 7: "17", 8: "18", 9: "26"}

# A constant with fewer elements is an argument, such as strides, and not a weight.
_MIN_WEIGHT_ELEMENTS = 10


@dataclass(frozen=True, kw_only=True)
class FunctionSummary:
    """The contents of one function.

    Attributes:
        name: Its name; in a pipeline, with the number of the stage before it.
        opset: The number in CoreML5 (iOS 15) to CoreML9 (iOS 26).
        inputs: The declared inputs.
        outputs: The declared outputs.
        states: The declared states.
        ops: How often each op occurs, the most frequent first.
        parameters: The number of elements of weights: constant tensors of 10 elements or more.
        stored_bits: The bits that the file spends on them, including look-up tables and scales.
        macs: Multiply-accumulates of convolutions, matrix products and recurrent layers, with the
            default shapes.
        uncounted: The number of such ops whose sizes are known only at run time.
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
        """The oldest iOS version that runs the function."""
        return OLDEST_IOS.get(self.opset, "?")

    @property
    def bits_per_weight(self) -> float:
        """The stored bits for each parameter; 0 without parameters."""
        return self.stored_bits / self.parameters if self.parameters else 0.0


def summarize(path: str | Path, cache: str | Path | None = None) -> tuple[FunctionSummary, ...]:
    """Summarize every function of a package, including those of all stages of a pipeline.

    ``cache`` is the root of a download cache, as for :func:`coreml_runtime.load`.

    Raises:
        PackageError: The package is missing, malformed or truncated.
        ProgramError: A program in it is malformed.
    """
    return tuple(_summaries(Package(path, cache).spec, ""))


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
    """Counts ops, parameters, bits and multiply-accumulates in one pass over a function."""

    def __init__(self, function: Function) -> None:
        self.ops: Counter[str] = Counter()
        self.parameters = self.stored_bits = self.macs = self.uncounted = 0
        self._types: dict[str, ValueType] = dict(function.inputs)
        self._count_block(function.body)

    def _count_block(self, block: Block) -> None:
        self._types.update(block.inputs)
        for operation in block.operations:
            self._types.update(operation.outputs)
            if operation.type == "const":
                self._count_constant(operation.outputs[0][1], operation.inputs.get("val", ()))
            elif operation.type.startswith("constexpr_"):
                self._count_compressed(operation)
            else:
                self.ops[operation.type] += 1
                self._count_macs(operation)
            for inner in operation.blocks:
                self._count_block(inner)

    def _count_constant(self, type_: ValueType, value: tuple[Any, ...]) -> None:
        count = _elements(type_)
        if count >= _MIN_WEIGHT_ELEMENTS and value:
            self.parameters += count
            self.stored_bits += _stored_bits(value[0])

    def _count_compressed(self, operation: Operation) -> None:
        """Count a compressed weight: its arguments are stored, its last result is the weight."""
        self.ops[operation.type] += 1
        self.parameters += _elements(operation.outputs[-1][1])
        for bindings in operation.inputs.values():
            for binding in bindings:
                if isinstance(binding, Constant):
                    self.stored_bits += _stored_bits(binding)
                elif binding in self._types:
                    # In joint compression one constexpr op reads another; only the last result is
                    # a weight.
                    self.parameters -= _elements(self._types[binding])

    def _count_macs(self, operation: Operation) -> None:
        count = MULTIPLY_ACCUMULATES.get(operation.type)
        if count is None:
            return
        shapes = {
            key: self._shape(bindings[-1]) for key, bindings in operation.inputs.items() if bindings
        }
        shapes["result"] = _static_shape(operation.outputs[0][1])
        try:
            self.macs += count(shapes)
        except (TypeError, KeyError, IndexError, ValueError):  # a shape is None or missing
            self.uncounted += 1

    def _shape(self, binding: Any) -> tuple[int, ...] | None:
        type_ = binding.type if isinstance(binding, Constant) else self._types.get(binding)
        return _static_shape(type_)


def _static_shape(type_: Any) -> tuple[int, ...] | None:
    return type_.static_shape if isinstance(type_, TensorType) else None


def _elements(type_: ValueType) -> int:
    shape = _static_shape(type_)
    return math.prod(shape) if shape is not None else 0


def _stored_bits(constant: Constant) -> int:
    type_ = constant.type
    return _elements(type_) * type_.dtype.bits if isinstance(type_, TensorType) else 0
