"""One rewrite: sines and cosines, and what feeds them, stay in fp32.

Before, in an fp16 program:  timestep fp16 -> mul fp16 -> sin fp16
After:                       timestep fp32 -> mul fp32 -> sin fp32 -> cast fp16

A sinusoidal embedding (arXiv 1706.03762, section 3.5) takes the sine of numbers up to 1000, where
neighbouring fp16 numbers are half a radian apart: the phase would be noise. It is a handful of tiny
operations, so nothing is lost. It leaves alone every operation whose result never reaches a sine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

PHASE_OPS = frozenset({"sin", "cos", "tan"})


def feeding_phases(program: Any) -> set[Any]:
    """The operations of a MIL program that are a sine or cosine, or whose result flows into one."""
    found: set[Any] = set()
    waiting = [
        op
        for function in program.functions.values()
        for op in _operations(function)
        if op.op_type in PHASE_OPS
    ]
    while waiting:
        op = waiting.pop()
        if op not in found:
            found.add(op)
            waiting.extend(var.op for var in op.get_flattened_inputs() if var.op is not None)
    return found


def _operations(block: Any) -> Iterator[Any]:
    """The operations of a block and of the blocks inside it."""
    for op in block.operations:
        yield op
        for inner in op.blocks:
            yield from _operations(inner)
