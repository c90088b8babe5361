"""Weights as fp16 bit patterns: there are so few of them that a histogram of all is small."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from quantization.errors import WeightError
from quantization.fitting import kmeans

PATTERNS = 1 << 16
VALUES = np.arange(PATTERNS, dtype=np.uint16).view(np.float16).astype(np.float64)
"""The value of each fp16 bit pattern."""
ASCENDING = np.concatenate([np.arange(0xFBFF, 0x8000, -1), np.arange(0x0000, 0x7C00)])
"""The fp16 bit patterns of the finite numbers in ascending order of value, with -0 left out."""


def fp16_codes(weight: np.ndarray) -> NDArray[np.uint16]:
    """The bit patterns (n,) of the elements of a weight, rounded to fp16.

    Raises:
        WeightError: The weight is empty, or after rounding holds NaN or infinity.
    """
    if weight.size == 0:
        raise WeightError("it is empty")
    # numpy converts to fp16 an element at a time, PyTorch with vector instructions.
    half = torch.from_numpy(np.ascontiguousarray(weight)).to(torch.float16)
    codes = half.view(torch.int16).numpy().reshape(-1).view(np.uint16)
    if kmeans.not_finite(codes):
        finite = np.isfinite(weight).all()
        raise WeightError(f"it holds {'a value beyond fp16' if finite else 'NaN or infinity'}")
    return codes
