"""Decodes compile-time values, which a ``MILSpec.Value`` holds or finds in a weight file."""

import math
from typing import Any

import numpy as np
import torch

from ..errors import ProgramError, UnsupportedModelError
from ..numerics import DType
from .package_folder import Package
from .program import Constant, TensorType
from .weight_file import decode

# A file may give one value for a whole tensor; more elements than this would let a small file
# become a large tensor.
_MAX_REPEATED = 1 << 16

_NUMPY_TYPES = {
    "floats": np.float32,
    "doubles": np.float64,
    "ints": np.int32,
    "longInts": np.int64,
    "bools": np.bool_,
}


def constant_value(constant: Constant, package: Package) -> torch.Tensor | str | tuple[Any, ...]:
    """Return the value of ``constant``.

    A tensor has the type ``dtype.held`` of its declared element type; a string is a ``str``; a list
    or tuple is a tuple of such values.

    Raises:
        ProgramError: The bytes do not fit the declared type and shape.
        WeightsError: The weight file does not hold the value.
        UnsupportedModelError: The value is of a kind that is not supported, such as a dictionary.
    """
    message = constant.message
    kind = message.WhichOneof("value")
    if kind == "blobFileValue":
        dtype, shape = _static_type(constant)
        file = package.weights(message.blobFileValue.fileName)
        return file.tensor(message.blobFileValue.offset, dtype, shape)
    if kind != "immediateValue":
        raise ProgramError("a constant has no value")
    held = message.immediateValue.WhichOneof("value")
    if held == "tensor":
        return _immediate_tensor(message.immediateValue.tensor, constant)
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


def _static_type(constant: Constant) -> tuple[DType, tuple[int, ...]]:
    if not isinstance(constant.type, TensorType) or constant.type.static_shape is None:
        raise ProgramError("a constant has no fixed shape")
    return constant.type.dtype, constant.type.static_shape


def _immediate_tensor(message: Any, constant: Constant) -> torch.Tensor | str | tuple[str, ...]:
    dtype, shape = _static_type(constant)
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
    if field not in _NUMPY_TYPES and count:
        raise ProgramError(f"a constant {constant.type} holds {field or 'nothing'}")
    values = getattr(message, field).values if field else ()
    if len(values) != count and (len(values) != 1 or count > _MAX_REPEATED):
        raise ProgramError(f"a constant {constant.type} holds {len(values)} values")
    array: np.ndarray = np.array(values, _NUMPY_TYPES.get(field, np.float32))
    tensor = torch.from_numpy(array).to(dtype.held)
    if len(values) != count:
        tensor = tensor.expand(count)
    return tensor.reshape(shape)
