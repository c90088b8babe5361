"""The primitive operations of the description, here on floats; each backend brings its own."""

from __future__ import annotations

import math
from typing import Any

Value = Any
"""A float here, a float32 in a SIMD lane under numba, a float32 tensor of pixels under torch."""

Parameters = Any
"""The numbers that describe one picture, read as attributes."""


def where(condition: Value, a: Value, b: Value) -> Value:
    return a if condition else b


def maximum(a: Value, b: Value) -> Value:
    return a if a > b else b


def minimum(a: Value, b: Value) -> Value:
    return a if a < b else b


def absolute(a: Value) -> Value:
    return abs(a)


def sqrt(a: Value) -> Value:
    return math.sqrt(a)


def floor(a: Value) -> Value:
    return float(math.floor(a))


def number(a: float) -> Value:
    """An integer or float as the backend's kind of number."""
    return float(a)
