"""`int4/B`: 4-bit integers with an fp16 scale for each B input channels of each output channel.

Plans do not choose it; a recipe may name it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from quantization.fitting import int4_blocks
from quantization.schemes.forms import Scaled
from quantization.schemes.packing import pack
from quantization.schemes.scheme import (
    ArrayLayout,
    Arrays,
    Scheme,
    Shape,
    at_least_one,
    packed_bytes,
)
from quantization.targets import BEFORE_IOS18, Target

_NAME = re.compile(r"int4/(\d+)")


@dataclass(frozen=True, kw_only=True)
class Int4(Scheme):
    """Arrays: `data`, two's complement, packed uint8; `scale`, (out, in/block) fp16.

    Attributes:
        block: Input channels that share a scale.
    """

    bits: int = field(default=4, init=False)
    block: int

    SPELLING: ClassVar[str] = "int4/B"
    LEARNED: ClassVar[str] = "scale"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        match = _NAME.fullmatch(name)
        return None if match is None else cls(block=at_least_one(name, match[1]))

    def __str__(self) -> str:
        return f"int4/{self.block}"

    def misfit(self, shape: Shape) -> str:
        if shape[1] % self.block:
            return f"its {shape[1]} input channels do not divide into blocks of {self.block}"
        return ""

    def layout(self, shape: Shape) -> dict[str, ArrayLayout]:
        return {
            "data": ArrayLayout(shape=(packed_bytes(shape, self.bits),), dtype="uint8"),
            "scale": ArrayLayout(shape=(shape[0], shape[1] // self.block), dtype="float16"),
        }

    def pack(self, weight: np.ndarray, importance: np.ndarray | None) -> dict[str, np.ndarray]:
        scale, integers = int4_blocks(weight, self.block, importance)
        return {"data": pack(integers.view(np.uint8) & np.uint8(15), self.bits), "scale": scale}

    def unpack(self, shape: Shape, arrays: Arrays) -> Scaled:
        return Scaled(shape=shape, bits=self.bits, packed=arrays["data"], scale=arrays["scale"])

    def available_on(self, target: Target) -> bool:
        """Before iOS 18, Core ML has no scales for blocks."""
        return target not in BEFORE_IOS18
