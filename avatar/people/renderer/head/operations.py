"""The primitive operations of the description: on floats, on torch tensors, and for numba."""

from __future__ import annotations

import math

import numpy as np

from .._compiled import described, implements
from .parameters import Value


def where(condition: Value, a: Value, b: Value) -> Value:
    """a where the condition holds, b elsewhere; both are computed."""
    if isinstance(condition, bool):
        return a if condition else b
    import torch  # takes seconds, and only who renders with it needs it

    return torch.where(condition, a, b)


def sqrt(a: Value) -> Value:
    return math.sqrt(a) if isinstance(a, float) else a.sqrt()


def floor(a: Value) -> Value:
    """The largest whole number not above a, as a number of the same kind."""
    return float(math.floor(a)) if isinstance(a, float) else a.floor()


@described
def maximum(a: Value, b: Value) -> Value:
    return where(a > b, a, b)


@described
def minimum(a: Value, b: Value) -> Value:
    return where(a < b, a, b)


@described
def absolute(a: Value) -> Value:
    return abs(a)


@implements(where)
def _where(condition: Value, a: Value, b: Value) -> Value:
    return a if condition else b


@implements(sqrt)
def _sqrt(a: Value) -> Value:
    return math.sqrt(a)


@implements(floor)
def _floor(a: Value) -> Value:
    return np.floor(a)
