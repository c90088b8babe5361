"""Prepares a function to run: names become slots, constants become values, ops become calls.

In: a :class:`coreml_runtime.package.Function` and its package. Out: a :class:`Plan`, a list of
steps that need no further look at the program.
"""

from .plan import (
    AttentionStep,
    BranchStep,
    LoopStep,
    OpStep,
    Plan,
    PlannedBlock,
    PlannedValue,
    Step,
    fits_shape,
)
from .planner import make_plan

__all__ = [
    "AttentionStep",
    "BranchStep",
    "LoopStep",
    "OpStep",
    "Plan",
    "PlannedBlock",
    "PlannedValue",
    "Step",
    "fits_shape",
    "make_plan",
]
