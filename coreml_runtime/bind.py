"""What happens to one value on its way into an op and out of it: Python values and rounding."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .dtypes import DType, rounder, wrap
from .errors import ProgramError
from .ops.registry import Bools, Floats, Ints, Labels, Scalar

Convert = Callable[[Any], Any]
Finish = Callable[[Tensor], Tensor]

# What a torch function may raise over arguments that make no sense, as a damaged file gives them.
OP_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, Tensor):
        return list(value.reshape(-1).tolist())
    if isinstance(value, tuple):
        return [item for part in value for item in _flat(part)]
    return [value]


def _one(value: Any) -> Any:
    (single,) = _flat(value)
    return single


# From a tensor (or a tuple of them, or a string) to what a parameter's annotation asks for.
CONVERTERS: dict[Any, Convert] = {
    int: lambda value: int(_one(value)),
    float: lambda value: float(_one(value)),
    bool: lambda value: bool(_one(value)),
    str: lambda value: str(_one(value)),
    Scalar: _one,
    Ints: lambda value: tuple(int(item) for item in _flat(value)),
    Floats: lambda value: tuple(float(item) for item in _flat(value)),
    Bools: lambda value: tuple(bool(item) for item in _flat(value)),
    Labels: lambda value: tuple(_flat(value)),
}


def plain(kind: Any, value: Any) -> Any:
    """A constant as the Python value that an annotation ``kind`` asks for."""
    try:
        return CONVERTERS[kind](value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ProgramError(f"an argument is not {getattr(kind, '__name__', kind)}") from error


def finisher(dtype: DType, precision: str, *, exact: bool, in_place: bool) -> Finish:
    """What turns a raw result into a held value of ``dtype``.

    ``exact`` results need no rounding. ``in_place`` rounds in the result's own memory: half the
    time, and harmless where the result is the op's own or a view of values of the same type,
    since rounding what is rounded changes nothing.
    """
    held = dtype.held
    narrow = wrap(dtype)
    if narrow is None and precision == "storage" and not exact:
        narrow = rounder(dtype, in_place=in_place)
    if narrow is None:
        return lambda value: value if value.dtype == held else value.to(held)
    reduce = narrow
    return lambda value: reduce(value if value.dtype == held else value.to(held))
