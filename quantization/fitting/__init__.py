"""The table or the scales of least squared error for a weight, by exact or near-exact search.

In comes a weight, out come a table and indices, or scales and integers, not yet packed. Nothing
here knows schemes.
"""

from __future__ import annotations

from quantization.fitting.fp16 import fp16_codes
from quantization.fitting.palettes import palettize, palettize_groups
from quantization.fitting.scales import int4_blocks, int8_channels

__all__ = ["fp16_codes", "int4_blocks", "int8_channels", "palettize", "palettize_groups"]
