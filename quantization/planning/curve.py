"""The curve of quality over size: the chosen plan among others, uniform bits, and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantization.errors import BudgetError
from quantization.planning.planner import Plan, Planner

UNIFORM, PLANNED = (8, 6, 4), (3.0, 4.0, 6.0)
"""Bits that are measured beside the chosen plan: of uniform palettes, and of plans."""
POINTS = 40
"""Budgets whose prediction is shown."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What is shown.

    Attributes:
        chosen: The plan that was asked for.
        plans: Other plans by name, measured.
        uniform: Uniform bits by name, measured.
        predicted: Pairs of bytes and predicted dB along the whole range.
        parameters: Elements of all components.
    """

    chosen: Plan
    plans: Sequence[tuple[str, Plan]]
    uniform: Sequence[tuple[str, Plan]]
    predicted: Sequence[tuple[int, float]]
    parameters: int


def curve_of(planner: Planner, chosen: Plan, *, others: bool) -> Curve:
    """The curve that a plan lies on; with `others` further plans and uniform bits are measured."""
    least, most = planner.limits()
    budgets = [int(size) for size in np.linspace(least, most, POINTS)]
    return Curve(
        chosen=chosen,
        plans=_other_plans(planner) if others else [],
        uniform=[
            (f"uniform {bits}", planner.uniform(bits)) for bits in (UNIFORM if others else ())
        ],
        predicted=[(budget, planner.prediction(budget)) for budget in budgets],
        parameters=planner.parameters,
    )


def _other_plans(planner: Planner) -> list[tuple[str, Plan]]:
    plans = []
    for bits in PLANNED:
        try:
            plan = planner.for_size(int(planner.parameters * bits / 8))
        except BudgetError:
            continue  # the target's smallest plan is larger
        plans.append((f"planned {bits:g} bits", plan))
    return plans
