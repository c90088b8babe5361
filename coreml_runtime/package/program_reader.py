"""Reads the protobuf messages of a program (``MIL.proto``) into the dataclasses of :mod:`.program`.

Constants stay messages (:class:`.program.Constant`) until the planner needs their values.
"""

import math
from typing import Any

from ..errors import ProgramError, UnsupportedModelError
from ..numerics import BY_PROGRAM_CODE
from .program import Binding, Block, Constant, Function, Operation, OtherType, TensorType, ValueType

_MAX_DEPTH = 32
_MAX_RANK = 16
_MAX_ELEMENTS = 1 << 33


def read_function(program: Any, name: str) -> Function:
    """Read the function ``name`` of a ``MILSpec.Program`` message.

    Raises:
        ProgramError: There is no such function, or it is malformed.
        UnsupportedModelError: It uses an element type that is not known here.
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
        else:  # const and the constexpr ops of iOS 16 keep their arguments in attributes
            inputs[name] = (_read_constant(value),)
    outputs = tuple((value.name, read_type(value.type)) for value in message.outputs)
    return Operation(
        type=message.type,
        name=label or (outputs[0][0] if outputs else message.type),
        inputs=inputs,
        outputs=outputs,
        blocks=tuple(_read_block(block, depth + 1) for block in message.blocks),
    )


def _read_argument(message: Any) -> tuple[Binding, ...]:
    bindings: list[Binding] = []
    for binding in message.arguments:
        kind = binding.WhichOneof("binding")
        if kind is None:
            raise ProgramError("an argument is bound to nothing")
        bindings.append(binding.name if kind == "name" else _read_constant(binding.value))
    return tuple(bindings)


def _read_constant(message: Any) -> Constant:
    return Constant(read_type(message.type), message)


def read_type(message: Any, depth: int = 0) -> ValueType:
    """Read a ``MILSpec.ValueType`` message."""
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
    dtype = BY_PROGRAM_CODE.get(message.dataType)
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
