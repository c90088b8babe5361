"""Compile-time values decoded: what a ``MILSpec.Value`` holds, or points at in a weight file."""

import math
from typing import Any

import numpy as np
import torch

from .blob import decode
from .dtypes import DType
from .errors import ProgramError, UnsupportedModelError
from .package import Package
from .program import Constant, TensorType

# A Python value that an op parameter may take instead of a tensor.
Plain = bool | int | float | str | tuple[Any, ...]

_MAX_REPEATED = 1 << 16  # elements that one immediate value may stand for

_FIELDS = {
    "floats": np.float32,
    "doubles": np.float64,
    "ints": np.int32,
    "longInts": np.int64,
    "bools": np.bool_,
}


def constant_value(constant: Constant, package: Package) -> torch.Tensor | str | tuple[Any, ...]:
    """The value of ``constant``: a tensor of the held type, a string, or a tuple for a list.

    Raises:
        ProgramError: the bytes do not fit the declared type and shape.
        WeightsError: it lies in a weight file that does not hold it.
    """
    message = constant.message
    kind = message.WhichOneof("value")
    if kind == "blobFileValue":
        tensor_type = _static(constant)
        blob = package.weights(message.blobFileValue.fileName)
        return blob.tensor(message.blobFileValue.offset, *tensor_type)
    if kind != "immediateValue":
        raise ProgramError("a constant has no value")
    held = message.immediateValue.WhichOneof("value")
    if held == "tensor":
        return _immediate(message.immediateValue.tensor, constant)
    if held in ("list", "tuple"):
        values = getattr(message.immediateValue, held).values
        inner = getattr(constant.type, "inner", ())
        if held == "list":
            inner = inner * len(values)
        if len(inner) != len(values):
            raise ProgramError("a tuple constant has another length than its type")
        return tuple(
            constant_value(Constant(part, value), package)
            for part, value in zip(inner, values, strict=True)
        )
    raise UnsupportedModelError(f"constants of kind {held} are not supported")


def _static(constant: Constant) -> tuple[DType, tuple[int, ...]]:
    if not isinstance(constant.type, TensorType) or constant.type.static_shape is None:
        raise ProgramError("a constant has no fixed shape")
    return constant.type.dtype, constant.type.static_shape


def _immediate(message: Any, constant: Constant) -> torch.Tensor | str | tuple[str, ...]:
    dtype, shape = _static(constant)
    field = message.WhichOneof("value")
    if dtype.kind == "s":
        strings = tuple(message.strings.values)
        if shape == () and len(strings) != 1:
            raise ProgramError("a string constant has no value")
        return strings[0] if shape == () else strings
    count = math.prod(shape)
    if field == "bytes":
        raw = np.frombuffer(message.bytes.values, np.uint8).copy()
        if len(raw) != -(-count * dtype.bits // 8):
            raise ProgramError(f"a constant {constant.type} holds {len(raw)} bytes")
        return decode(raw, dtype, count).reshape(shape)
    if field not in _FIELDS and count:
        raise ProgramError(f"a constant {constant.type} holds {field or 'nothing'}")
    values = getattr(message, field).values if field else ()
    if len(values) != count and (len(values) != 1 or count > _MAX_REPEATED):
        raise ProgramError(f"a constant {constant.type} holds {len(values)} values")
    array: np.ndarray = np.array(values, _FIELDS.get(field, np.float32))
    tensor = torch.from_numpy(array).to(dtype.held)
    if len(values) != count:  # one value stands for all of them
        tensor = tensor.expand(count)
    return tensor.reshape(shape)
