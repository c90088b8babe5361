"""The program of a package as plain dataclasses: protobuf is walked here, once, and never again.

Constants stay references (:class:`Constant`) until the plan asks for their value.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .dtypes import BY_CODE, DType
from .errors import ProgramError, UnsupportedModelError

_MAX_DEPTH = 32
_MAX_RANK = 16
_MAX_ELEMENTS = 1 << 33


@dataclass(frozen=True, kw_only=True)
class TensorType:
    """Element type and shape; None stands for a size known only at run time."""

    dtype: DType
    shape: tuple[int | None, ...] | None  # None: even the rank is unknown

    @property
    def static_shape(self) -> tuple[int, ...] | None:
        if self.shape is None or any(size is None for size in self.shape):
            return None
        return tuple(size for size in self.shape if size is not None)

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.dtype.name}[...]"
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.dtype.name}[{sizes}]"


@dataclass(frozen=True, kw_only=True)
class OtherType:
    """A list, tuple, dictionary or state; ``inner`` are the types it is made of."""

    kind: str
    inner: tuple["ValueType", ...]


ValueType = TensorType | OtherType


@dataclass(frozen=True, eq=False)
class Constant:
    """A compile-time value: its type and the message that holds it or points at it."""

    type: ValueType
    message: Any


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One op: arguments are names of earlier results or constants, each a tuple of bindings."""

    type: str
    name: str
    inputs: dict[str, tuple[str | Constant, ...]]
    outputs: tuple[tuple[str, ValueType], ...]
    blocks: tuple["Block", ...] = ()


@dataclass(frozen=True, kw_only=True)
class Block:
    """Operations in order, the names its callers bind and the names it gives back."""

    inputs: tuple[tuple[str, ValueType], ...]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]

    def walk(self) -> Iterator[Operation]:
        """Every operation, those of nested blocks included."""
        for operation in self.operations:
            yield operation
            for block in operation.blocks:
                yield from block.walk()


@dataclass(frozen=True, kw_only=True)
class Function:
    """One entry point; ``opset`` is the number in CoreML5 (iOS 15) … CoreML9 (iOS 26)."""

    name: str
    opset: int
    inputs: tuple[tuple[str, ValueType], ...]
    body: Block
    attributes: dict[str, Constant] = field(default_factory=dict)


def read_function(program: Any, name: str) -> Function:
    """The function ``name`` of a ``MILSpec.Program`` message.

    Raises:
        ProgramError: there is no such function, or it is malformed.
    """
    if name not in program.functions:
        have = ", ".join(sorted(program.functions)) or "none"
        raise ProgramError(f"the program has no function {name!r}; it has: {have}")
    message = program.functions[name]
    if message.opset not in message.block_specializations:
        raise ProgramError(f"function {name!r} has no block for its opset {message.opset!r}")
    digits = message.opset.removeprefix("CoreML")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 4):
        raise ProgramError(f"function {name!r} has an unknown opset {message.opset!r}")
    return Function(
        name=name,
        opset=int(digits),
        inputs=tuple((value.name, read_type(value.type)) for value in message.inputs),
        body=_read_block(message.block_specializations[message.opset], 0),
    )


def _read_block(message: Any, depth: int) -> Block:
    if depth > _MAX_DEPTH:
        raise ProgramError(f"blocks are nested deeper than {_MAX_DEPTH}")
    return Block(
        inputs=tuple((value.name, read_type(value.type)) for value in message.inputs),
        outputs=tuple(message.outputs),
        operations=tuple(_read_operation(op, depth) for op in message.operations),
    )


def _read_operation(message: Any, depth: int) -> Operation:
    inputs = {name: _read_argument(argument) for name, argument in message.inputs.items()}
    label = ""
    for name, value in message.attributes.items():
        if name == "name":
            label = next(iter(value.immediateValue.tensor.strings.values), "")
        else:  # const and the iOS 16 constexpr ops keep their arguments here
            inputs[name] = (read_constant(value),)
    outputs = tuple((value.name, read_type(value.type)) for value in message.outputs)
    return Operation(
        type=message.type,
        name=label or (outputs[0][0] if outputs else message.type),
        inputs=inputs,
        outputs=outputs,
        blocks=tuple(_read_block(block, depth + 1) for block in message.blocks),
    )


def _read_argument(message: Any) -> tuple[str | Constant, ...]:
    bindings: list[str | Constant] = []
    for binding in message.arguments:
        kind = binding.WhichOneof("binding")
        if kind is None:
            raise ProgramError("an argument is bound to nothing")
        bindings.append(binding.name if kind == "name" else read_constant(binding.value))
    return tuple(bindings)


def read_constant(message: Any) -> Constant:
    """A ``MILSpec.Value`` message with its type, its value not decoded yet."""
    return Constant(read_type(message.type), message)


def read_type(message: Any, depth: int = 0) -> ValueType:
    """A ``MILSpec.ValueType`` message."""
    if depth > _MAX_DEPTH:
        raise ProgramError(f"types are nested deeper than {_MAX_DEPTH}")
    kind = message.WhichOneof("type")
    if kind == "tensorType":
        return _read_tensor_type(message.tensorType)
    inner: tuple[Any, ...]
    if kind == "listType":
        inner = (message.listType.type,)
    elif kind == "stateType":
        inner = (message.stateType.wrappedType,)
    elif kind == "tupleType":
        inner = tuple(message.tupleType.types)
    elif kind == "dictionaryType":
        inner = (message.dictionaryType.keyType, message.dictionaryType.valueType)
    else:
        raise ProgramError("a value has no type")
    return OtherType(
        kind=kind.removesuffix("Type"),
        inner=tuple(read_type(part, depth + 1) for part in inner),
    )


def _read_tensor_type(message: Any) -> TensorType:
    dtype = BY_CODE.get(message.dataType)
    if dtype is None:
        raise UnsupportedModelError(f"unknown element type number {message.dataType}")
    dimensions = [
        None if size.WhichOneof("dimension") != "constant" else int(size.constant.size)
        for size in message.dimensions
    ]
    variadic = any(size.unknown.variadic for size in message.dimensions)
    if message.rank < 0 or variadic:
        return TensorType(dtype=dtype, shape=None)
    if message.rank != len(dimensions) or len(dimensions) > _MAX_RANK:
        raise ProgramError(f"a tensor of rank {message.rank} has {len(dimensions)} sizes")
    if math.prod(size for size in dimensions if size is not None) > _MAX_ELEMENTS:
        raise ProgramError(f"a tensor of shape {dimensions} is larger than any device holds")
    return TensorType(dtype=dtype, shape=tuple(dimensions))
