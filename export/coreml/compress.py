"""How a component's numbers are stored and computed: its compute precision."""

from __future__ import annotations

from typing import Any

import coremltools as ct

from export.coreml.trigonometry import fp16_except_phases


def compute_precision(precision: str) -> Any:
    """What `ct.convert` takes as `compute_precision` for `fp16` or `fp32`."""
    return fp16_except_phases() if precision == "fp16" else ct.precision.FLOAT32
