"""How a weight can be stored: one class for each scheme, found by name in a registry.

In comes a weight, out come packed arrays, and from these one of three neutral forms (`Plain`,
`LookUp`, `Scaled`), which the exporters write and tuning learns.

| name | what is stored |
| --- | --- |
| `float16` | the numbers, 16 bits each |
| `palette-B` | B-bit indices (1, 2, 3, 4, 6, 8) into one fp16 table |
| `palette-B/G` | the same, with a table for each G output channels |
| `int8` | 8-bit integers, an fp16 scale for each output channel, no offset |
| `int4/B` | 4-bit integers, an fp16 scale for each B input channels of each output channel |
"""

from __future__ import annotations

from quantization.schemes.float16 import FLOAT16, Float16
from quantization.schemes.forms import Form, LookUp, Plain, Scaled
from quantization.schemes.int4 import Int4
from quantization.schemes.int8 import INT8, Int8
from quantization.schemes.packed import PackedState, PackedTensor, quantize
from quantization.schemes.packing import pack, unpack
from quantization.schemes.palette import PALETTE_BITS, Palette
from quantization.schemes.registry import (
    SCHEMES,
    candidates,
    nearest,
    parse,
    require_available,
)
from quantization.schemes.scheme import ArrayLayout, Arrays, Scheme, Shape

__all__ = [
    "FLOAT16",
    "INT8",
    "PALETTE_BITS",
    "SCHEMES",
    "ArrayLayout",
    "Arrays",
    "Float16",
    "Form",
    "Int4",
    "Int8",
    "LookUp",
    "PackedState",
    "PackedTensor",
    "Palette",
    "Plain",
    "Scaled",
    "Scheme",
    "Shape",
    "candidates",
    "nearest",
    "pack",
    "parse",
    "quantize",
    "require_available",
    "unpack",
]
