"""Elementwise arithmetic, comparison and logic, with broadcasting.

MIL's sections ``elementwise_unary`` and ``elementwise_binary``.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .registry import op


def _unary(name: str, function: Callable[[Tensor], Tensor], *, exact: bool = False) -> None:
    @op(name, exact=exact)
    def apply(x: Tensor) -> Tensor:
        return function(x)


def _binary(
    name: str, function: Callable[[Tensor, Tensor], Tensor], *, exact: bool = False
) -> None:
    @op(name, exact=exact)
    def apply(x: Tensor, y: Tensor) -> Tensor:
        return function(x, y)


for _name, _function in {
    "acos": torch.acos,
    "asin": torch.asin,
    "atan": torch.atan,
    "atanh": torch.atanh,
    "cos": torch.cos,
    "cosh": torch.cosh,
    "erf": torch.erf,
    "exp": torch.exp,
    "exp2": torch.exp2,
    "sin": torch.sin,
    "sinh": torch.sinh,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "tan": torch.tan,
    "tanh": torch.tanh,
}.items():
    _unary(_name, _function)

for _name, _function in {
    "abs": torch.abs,
    "ceil": torch.ceil,
    "floor": torch.floor,
    "logical_not": torch.logical_not,
    "round": torch.round,  # ties go to even, as in MIL's reference (numpy.round)
    "sign": torch.sign,
}.items():
    _unary(_name, _function, exact=True)

_ROUNDED_BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "mod": torch.remainder,  # the result has the sign of the divisor, as in Python
    "mul": torch.mul,
    "sub": torch.sub,
}
for _name, _operator in _ROUNDED_BINARY.items():
    _binary(_name, _operator)

_EXACT_BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "equal": torch.eq,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "less": torch.lt,
    "less_equal": torch.le,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_xor": torch.logical_xor,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "not_equal": torch.ne,
}
for _name, _operator in _EXACT_BINARY.items():
    _binary(_name, _operator, exact=True)


@op("floor_div")
def floor_div(x: Tensor, y: Tensor) -> Tensor:
    return torch.floor_divide(x, y)


@op("real_div")
def real_div(x: Tensor, y: Tensor) -> Tensor:
    """Divide. The result has the type of the operands, so integers give a truncated integer."""
    both_integers = not (x.is_floating_point() or y.is_floating_point())
    return torch.div(x, y, rounding_mode="trunc" if both_integers else None)


@op("pow")
def power(x: Tensor, y: Tensor) -> Tensor:
    """Raise to a power.

    Integers go through float64, since a negative exponent has no integer result.
    """
    if not (x.is_floating_point() or y.is_floating_point()):
        return torch.pow(x.double(), y)
    return torch.pow(x, y)


@op("inverse")
def inverse(x: Tensor, epsilon: float = 1e-4) -> Tensor:
    return torch.reciprocal(x + epsilon)


@op("log")
def log(x: Tensor, epsilon: float = 1e-45) -> Tensor:
    return torch.log(x + epsilon)


@op("rsqrt")
def rsqrt(x: Tensor, epsilon: float = 1e-12) -> Tensor:
    return torch.rsqrt(x + epsilon)


@op("clip")
def clip(x: Tensor, alpha: float, beta: float) -> Tensor:
    return torch.clamp(x, alpha, beta)


@op("threshold")
def threshold(x: Tensor, alpha: float) -> Tensor:
    return torch.clamp_min(x, alpha)


@op("cast")
def cast(x: Tensor, dtype: str) -> Tensor:
    """Copy ``x``; the caller casts the copy to the declared result type, which is ``dtype``.

    Floats truncate to integers. The copy is needed because the result is rounded in place.
    """
    return x.clone()


@op("identity", exact=True)
def identity(x: Tensor) -> Tensor:
    return x


@op("select", exact=True)
def select(cond: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return ``a`` where ``cond`` is True and ``b`` elsewhere."""
    return torch.where(cond, a, b)
