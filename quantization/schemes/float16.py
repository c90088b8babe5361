"""`float16`: the numbers themselves, 16 bits each. What no recipe names is stored so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from quantization.fitting import fp16_codes
from quantization.schemes.forms import Plain
from quantization.schemes.scheme import ArrayLayout, Arrays, Scheme, Shape
from quantization.targets import Target


@dataclass(frozen=True, kw_only=True)
class Float16(Scheme):
    """Array: `data`, fp16 of the weight's shape."""

    bits: int = field(default=16, init=False)

    SPELLING: ClassVar[str] = "float16"
    LEARNED: ClassVar[str] = "data"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        return cls() if name == cls.SPELLING else None

    def __str__(self) -> str:
        return self.SPELLING

    def layout(self, shape: Shape) -> dict[str, ArrayLayout]:
        return {"data": ArrayLayout(shape=shape, dtype="float16")}

    def pack(self, weight: np.ndarray, importance: np.ndarray | None) -> dict[str, np.ndarray]:
        return {"data": fp16_codes(weight).view(np.float16).reshape(weight.shape)}

    def unpack(self, shape: Shape, arrays: Arrays) -> Plain:
        return Plain(values=arrays["data"])

    def available_on(self, target: Target) -> bool:
        return True

    @classmethod
    def candidates(cls, shape: Shape) -> Iterable[Scheme]:
        return (cls(),)


FLOAT16 = Float16()
