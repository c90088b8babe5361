"""Converts arguments to the Python values that the parameters of an op's function ask for."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..errors import ProgramError
from ..ops import Bools, Floats, Ints, Labels, Scalar

Convert = Callable[[Any], Any]


def _flat(value: Any) -> list[Any]:
    if isinstance(value, Tensor):
        return list(value.reshape(-1).tolist())
    if isinstance(value, tuple):
        return [item for part in value for item in _flat(part)]
    return [value]


def _single(value: Any) -> Any:
    (item,) = _flat(value)
    return item


CONVERTERS: dict[Any, Convert] = {
    int: lambda value: int(_single(value)),
    float: lambda value: float(_single(value)),
    bool: lambda value: bool(_single(value)),
    str: lambda value: str(_single(value)),
    Scalar: _single,
    Ints: lambda value: tuple(int(item) for item in _flat(value)),
    Floats: lambda value: tuple(float(item) for item in _flat(value)),
    Bools: lambda value: tuple(bool(item) for item in _flat(value)),
    Labels: lambda value: tuple(_flat(value)),
}
"""For each annotation, the function that converts a tensor, a string or a tuple of them."""


def to_python(kind: Any, value: Any) -> Any:
    """Convert a constant to the Python value that the annotation ``kind`` asks for.

    Raises:
        ProgramError: The constant cannot be converted.
    """
    try:
        return CONVERTERS[kind](value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ProgramError(f"an argument is not {getattr(kind, '__name__', kind)}") from error
