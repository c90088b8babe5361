"""`palette-B` and `palette-B/G`: B-bit indices into fp16 tables, "palettization" in coremltools.

One table serves the whole weight, or with `/G` each G consecutive output channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from quantization.fitting import palettize, palettize_groups
from quantization.schemes.forms import LookUp
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

PALETTE_BITS = (1, 2, 3, 4, 6, 8)
PLANNED_GROUP, PLANNED_GROUP_BITS = 16, (2, 3, 4)
"""The palettes with groups that plans try: output channels that share a table, and bits."""
_NAME = re.compile(r"palette-(\d+)(?:/(\d+))?")


@dataclass(frozen=True, kw_only=True)
class Palette(Scheme):
    """Arrays: `indices`, packed uint8; `table`, (groups, 2**bits) fp16.

    Attributes:
        group: Output channels that share a table; 0 where all of them do.
    """

    group: int = 0

    SPELLING: ClassVar[str] = "palette-B, palette-B/G (B is 1, 2, 3, 4, 6 or 8)"
    LEARNED: ClassVar[str] = "table"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        match = _NAME.fullmatch(name)
        if match is None or int(match[1]) not in PALETTE_BITS:
            return None
        return cls(bits=int(match[1]), group=at_least_one(name, match[2]) if match[2] else 0)

    def __str__(self) -> str:
        return f"palette-{self.bits}" + (f"/{self.group}" if self.group else "")

    def misfit(self, shape: Shape) -> str:
        if self.group and shape[0] % self.group:
            return f"its {shape[0]} output channels do not divide into groups of {self.group}"
        return ""

    def layout(self, shape: Shape) -> dict[str, ArrayLayout]:
        groups = -(-shape[0] // self.group) if self.group else 1
        return {
            "indices": ArrayLayout(shape=(packed_bytes(shape, self.bits),), dtype="uint8"),
            "table": ArrayLayout(shape=(groups, 1 << self.bits), dtype="float16"),
        }

    def pack(self, weight: np.ndarray, importance: np.ndarray | None) -> dict[str, np.ndarray]:
        if self.group:
            table, indices = palettize_groups(weight, self.bits, self.group, importance)
        else:
            table, indices = palettize(weight, self.bits, importance)
        return {"indices": pack(indices, self.bits), "table": table.reshape(-1, 1 << self.bits)}

    def unpack(self, shape: Shape, arrays: Arrays) -> LookUp:
        return LookUp(shape=shape, bits=self.bits, packed=arrays["indices"], table=arrays["table"])

    def available_on(self, target: Target) -> bool:
        """Before iOS 18, Core ML has one table a weight and no indices of 3 bits."""
        return target not in BEFORE_IOS18 or (not self.group and self.bits != 3)

    @classmethod
    def candidates(cls, shape: Shape) -> Iterable[Scheme]:
        yield from (cls(bits=bits) for bits in PALETTE_BITS)
        if shape[0] > PLANNED_GROUP and shape[0] % PLANNED_GROUP == 0:
            yield from (cls(bits=bits, group=PLANNED_GROUP) for bits in PLANNED_GROUP_BITS)
