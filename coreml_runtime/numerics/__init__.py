"""How numbers are stored in a package, held while a program runs, and rounded.

In: the element type that a program declares, and raw bytes or float32 results. Out: the torch type
that holds its values, functions that round to it, and integers unpacked from packed bits.
"""

from .bit_packing import unpack_bits
from .element_types import (
    BY_BLOB_CODE,
    BY_NAME,
    BY_PROGRAM_CODE,
    TORCH_STORAGE,
    DType,
)
from .rounding import Cast, declared_cast, round_values

__all__ = [
    "BY_BLOB_CODE",
    "BY_NAME",
    "BY_PROGRAM_CODE",
    "TORCH_STORAGE",
    "Cast",
    "DType",
    "declared_cast",
    "round_values",
    "unpack_bits",
]
