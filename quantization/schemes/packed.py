"""One tensor as it is stored: the arrays that its scheme packs it into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantization.errors import PackedError
from quantization.schemes.forms import Form
from quantization.schemes.scheme import Arrays, Scheme, Shape


@dataclass(frozen=True, kw_only=True)
class PackedTensor:
    """A tensor in a scheme.

    Attributes:
        scheme: How it is stored.
        shape: Its shape.
        arrays: What is stored, by name, of the shapes and dtypes of `scheme.layout(shape)`; else
            `PackedError` is raised.
    """

    scheme: Scheme
    shape: Shape
    arrays: Arrays

    def __post_init__(self) -> None:
        for name, layout in self.scheme.layout(self.shape).items():
            array = self.arrays.get(name)
            if array is None or not layout.matches(array):
                found = "none" if array is None else f"{array.dtype} {array.shape}"
                raise PackedError(f"{name} of {self.scheme} is {found}, expected {layout}")

    @property
    def size(self) -> int:
        """Bytes of all arrays. Law: `scheme.size(shape)`."""
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def form(self) -> Form:
        """What is stored, in one of the forms that all schemes share."""
        return self.scheme.unpack(self.shape, self.arrays)

    def dense(self) -> NDArray[np.float32]:
        """The numbers that the tensor stands for, exactly, in float32."""
        return self.form.dense()


PackedState = Mapping[str, PackedTensor]
"""The whole state of a component by name: parameters, and buffers of floats."""


def quantize(
    weight: np.ndarray, scheme: Scheme, importance: np.ndarray | None = None
) -> PackedTensor:
    """Store a tensor in a scheme, at the least squared error that the scheme allows.

    Args:
        weight: Float, at least two axes unless the scheme is `float16`: (out, in, ...).
        scheme: One that fits its shape.
        importance: How much each element's squared error counts; its shape, non-negative.

    Raises:
        WeightError: It is empty, or holds NaN or infinity.
    """
    arrays = scheme.pack(weight, importance)
    return PackedTensor(scheme=scheme, shape=tuple(weight.shape), arrays=arrays)
