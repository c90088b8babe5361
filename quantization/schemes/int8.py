"""`int8`: 8-bit integers with an fp16 scale for each output channel, without an offset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from quantization.fitting import int8_channels
from quantization.schemes.forms import Scaled
from quantization.schemes.scheme import ArrayLayout, Arrays, Scheme, Shape
from quantization.targets import Target


@dataclass(frozen=True, kw_only=True)
class Int8(Scheme):
    """Arrays: `data`, int8 of the weight's shape, never -128; `scale`, (out,) fp16."""

    bits: int = field(default=8, init=False)

    SPELLING: ClassVar[str] = "int8"
    LEARNED: ClassVar[str] = "scale"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        return cls() if name == cls.SPELLING else None

    def __str__(self) -> str:
        return self.SPELLING

    def layout(self, shape: Shape) -> dict[str, ArrayLayout]:
        return {
            "data": ArrayLayout(shape=shape, dtype="int8"),
            "scale": ArrayLayout(shape=shape[:1], dtype="float16"),
        }

    def pack(self, weight: np.ndarray, importance: np.ndarray | None) -> dict[str, np.ndarray]:
        scale, integers = int8_channels(weight, importance)
        return {"data": integers, "scale": scale}

    def unpack(self, shape: Shape, arrays: Arrays) -> Scaled:
        packed = arrays["data"].reshape(-1).view(np.uint8)
        return Scaled(shape=shape, bits=self.bits, packed=packed, scale=arrays["scale"])

    def available_on(self, target: Target) -> bool:
        return True

    @classmethod
    def candidates(cls, shape: Shape) -> Iterable[Scheme]:
        return (cls(),)


INT8 = Int8()
