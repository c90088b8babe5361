"""One rewrite: sines and cosines, and what feeds them, stay in fp32.

Before, in an fp16 program:  timestep fp16 -> mul fp16 -> sin fp16
After:                       timestep fp32 -> mul fp32 -> sin fp32 -> cast fp16

A sinusoidal embedding (arXiv 1706.03762, section 3.5) takes the sine of numbers up to 1000, where
neighbouring fp16 numbers are half a radian apart: the phase would be noise. It is a handful of tiny
operations, so nothing is lost. It leaves alone every operation whose result never reaches a sine.
"""

from __future__ import annotations

from typing import Any

import coremltools as ct

PHASE_OPS = frozenset({"sin", "cos", "tan"})


def fp16_except_phases() -> Any:
    """The fp16 compute precision with this exception, for `ct.convert`."""
    return ct.transform.FP16ComputePrecision(op_selector=lambda op: not feeds_phase(op))


def feeds_phase(op: Any) -> bool:
    """Whether a MIL operation is a sine or cosine or its result flows into one."""
    seen: set[Any] = set()
    waiting = [op]
    while waiting:
        current = waiting.pop()
        if current.op_type in PHASE_OPS:
            return True
        for output in current.outputs:
            fresh = [child for child in output.child_ops if child not in seen]
            seen.update(fresh)
            waiting.extend(fresh)
    return False
