"""What a scheme is: one way to store a weight, with all that has to be known of it in one class."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from quantization.errors import SchemeError
from quantization.schemes.forms import Form
from quantization.targets import Target

Shape = tuple[int, ...]
"""The shape of a weight: (out, in, ...), unless the scheme is `float16`."""
Arrays = Mapping[str, np.ndarray]
"""The arrays that a weight is stored as, by name."""


@dataclass(frozen=True, kw_only=True)
class ArrayLayout:
    """Shape and dtype of one stored array."""

    shape: Shape
    dtype: str

    @property
    def size(self) -> int:
        """Bytes that the array takes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"

    def matches(self, array: np.ndarray) -> bool:
        """Whether an array has this shape and dtype."""
        return array.shape == self.shape and array.dtype == np.dtype(self.dtype)


@dataclass(frozen=True, kw_only=True)
class Scheme(ABC):
    """One way to store a weight. Subclasses are listed in `quantization.schemes.registry`.

    Laws: `parse(str(scheme)) == scheme`, and two schemes of one name are equal; the arrays that
    `pack` returns have the shapes and dtypes of `layout`.

    Attributes:
        bits: Bits an element takes, tables and scales aside.
        SPELLING: How names of such schemes are spelled, for messages.
        LEARNED: Name of the array that tuning may change: tables, scales or the numbers themselves.
    """

    bits: int

    SPELLING: ClassVar[str]
    LEARNED: ClassVar[str]

    @classmethod
    @abstractmethod
    def parse(cls, name: str) -> Self | None:
        """Read a name.

        Returns:
            The scheme; None where the name is not spelled like one of this class.

        Raises:
            SchemeError: It is spelled so, but with a number that is not allowed.
        """

    @abstractmethod
    def __str__(self) -> str:
        """The name, as recipes and messages have it."""

    @abstractmethod
    def layout(self, shape: Shape) -> dict[str, ArrayLayout]:
        """The arrays that a weight of this shape is stored as, by name."""

    @abstractmethod
    def pack(self, weight: np.ndarray, importance: np.ndarray | None) -> dict[str, np.ndarray]:
        """Store a weight at the least squared error that the scheme allows.

        Args:
            weight: Of any float dtype, of a shape that fits.
            importance: Weight of each element's squared error, non-negative, of the same shape;
                None where all count alike.

        Raises:
            WeightError: The weight is empty, or holds NaN or infinity.
        """

    @abstractmethod
    def unpack(self, shape: Shape, arrays: Arrays) -> Form:
        """The stored arrays as one of the neutral forms, which exporters and tuning read."""

    @abstractmethod
    def available_on(self, target: Target) -> bool:
        """Whether a target can store a weight in this scheme as it is."""

    def misfit(self, shape: Shape) -> str:
        """Why a weight of this shape cannot have this scheme; empty where it can."""
        return ""

    def size(self, shape: Shape) -> int:
        """Bytes that a weight of this shape takes, tables and scales included."""
        return sum(array.size for array in self.layout(shape).values())

    @classmethod
    def candidates(cls, shape: Shape) -> Iterable[Scheme]:
        """The schemes of this class that a plan tries for a weight of this shape."""
        return ()


def at_least_one(name: str, number: str) -> int:
    """The length of a group or block; raises `SchemeError` where it is 0."""
    if int(number) < 1:
        raise SchemeError(f"no scheme is named {name!r}: groups and blocks have at least 1 channel")
    return int(number)


def packed_bytes(shape: Shape, bits: int) -> int:
    """Bytes that integers of so many bits take for a weight of this shape."""
    return -(-math.prod(shape) * bits // 8)
