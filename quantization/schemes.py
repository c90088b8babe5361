"""How a weight can be stored: each scheme's name, its size, and which weights it fits.

| name | what is stored |
| --- | --- |
| `float16` | the numbers, 16 bits each |
| `palette-B` | B-bit indices (1, 2, 3, 4, 6, 8) into one fp16 table |
| `palette-B/G` | the same, with a table for each G output channels |
| `int8` | 8-bit integers, an fp16 scale for each output channel, no offset |
| `int4/B` | 4-bit integers, an fp16 scale for each B input channels of each output channel |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from quantization.errors import SchemeError

Kind = Literal["float16", "palette", "int8", "int4"]
PALETTE_BITS = (1, 2, 3, 4, 6, 8)
_PATTERN = re.compile(r"(float16|int8|palette-(\d+)(?:/(\d+))?|int4/(\d+))")
_EXPECTED = (
    "float16, palette-B, palette-B/G, int8 or int4/B, with B of a palette 1, 2, 3, 4, 6 or 8"
)


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One way to store a weight.

    Law: `Scheme.parse(str(scheme)) == scheme`.

    Attributes:
        kind: What is stored.
        bits: Bits an element.
        group: Output channels that share a palette, or input channels that share an int4 scale;
            0 where the scheme has no groups.
    """

    kind: Kind
    bits: int
    group: int = 0

    @classmethod
    def parse(cls, text: object) -> Scheme:
        """Read a scheme's name; raises `SchemeError` where there is none of that name."""
        match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise SchemeError(f"no scheme is named {text!r}; expected {_EXPECTED}")
        name, bits, group, block = match.groups()
        if name == "float16":
            return FLOAT16
        if name == "int8":
            return INT8
        if block is not None:
            return cls(kind="int4", bits=4, group=_positive(name, int(block)))
        if int(bits) not in PALETTE_BITS:
            raise SchemeError(f"no scheme is named {text!r}; expected {_EXPECTED}")
        grouped = 0 if group is None else _positive(name, int(group))
        return cls(kind="palette", bits=int(bits), group=grouped)

    def __str__(self) -> str:
        if self.kind == "palette":
            return f"palette-{self.bits}" + (f"/{self.group}" if self.group else "")
        return f"int4/{self.group}" if self.kind == "int4" else self.kind

    def misfit(self, shape: tuple[int, ...]) -> str:
        """Why a weight of this shape cannot have this scheme; empty where it can."""
        if self.kind == "int4" and shape[1] % self.group:
            return f"its {shape[1]} input channels do not divide into blocks of {self.group}"
        if self.kind == "palette" and self.group and shape[0] % self.group:
            return f"its {shape[0]} output channels do not divide into groups of {self.group}"
        return ""

    def size(self, shape: tuple[int, ...]) -> int:
        """Bytes that a weight of this shape takes: packed elements, tables and scales."""
        count = 1
        for length in shape:
            count *= length
        elements = -(-count * self.bits // 8)
        if self.kind == "palette":
            groups = -(-shape[0] // self.group) if self.group else 1
            return elements + 2 * groups * (1 << self.bits)
        if self.kind == "int8":
            return elements + 2 * shape[0]
        if self.kind == "int4":
            return elements + 2 * shape[0] * (shape[1] // self.group)
        return elements


FLOAT16 = Scheme(kind="float16", bits=16)
INT8 = Scheme(kind="int8", bits=8)


def palette_scheme(bits: int, group: int = 0) -> Scheme:
    """`palette-BITS` or `palette-BITS/GROUP`."""
    return Scheme(kind="palette", bits=bits, group=group)


def _positive(name: str, number: int) -> int:
    if number < 1:
        raise SchemeError(f"no scheme is named {name!r}: groups and blocks have at least 1 channel")
    return number
