"""Choosing one of several schemes for each weight under a budget: multiple-choice knapsack."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from quantization.errors import BudgetError


def allocate(costs: Sequence[np.ndarray], sizes: Sequence[np.ndarray], budget: int) -> list[int]:
    """Choices of little total cost whose sizes add up to at most `budget`.

    The Lagrangian relaxation's solution, found greedily: from the smallest choices on, take the
    step along a weight's lower convex hull that saves the most cost a byte (Shoham and Gersho,
    "Efficient bit allocation for an arbitrary set of quantizers", 1988). Where a step no longer
    fits, smaller ones are still taken. Never above the optimum by more than one step's saving.

    Args:
        costs: For each weight the cost of each choice.
        sizes: Likewise bytes.
        budget: Bytes in all.

    Raises:
        BudgetError: Even the smallest choices are larger.
    """
    hulls = [hull(cost, size) for cost, size in zip(costs, sizes, strict=True)]
    chosen = [steps[0] for steps in hulls]
    spent = sum(int(size[choice]) for size, choice in zip(sizes, chosen, strict=True))
    if spent > budget:
        raise BudgetError(
            f"the weights take at least {spent} bytes, but only {max(budget, 0)} are left for them"
        )
    steps = sorted(
        (-_saving(costs[w], sizes[w], a, b), w, position)
        for w, points in enumerate(hulls)
        for position, (a, b) in enumerate(pairwise(points))
    )
    blocked: set[int] = set()  # a hull is climbed in order: its savings fall
    for _, weight, position in steps:
        before, after = hulls[weight][position : position + 2]
        more = int(sizes[weight][after] - sizes[weight][before])
        if weight in blocked or spent + more > budget:
            blocked.add(weight)
            continue
        chosen[weight], spent = after, spent + more
    return chosen


def hull(cost: np.ndarray, size: np.ndarray) -> list[int]:
    """Indices of the lower convex hull of cost over size: smallest first, cheapest last."""
    order = sorted(range(len(size)), key=lambda i: (size[i], cost[i]))
    found: list[int] = []
    for index in order:
        if found and cost[index] >= cost[found[-1]]:
            continue
        while len(found) > 1 and _saving(cost, size, found[-1], index) >= _saving(
            cost, size, found[-2], found[-1]
        ):
            found.pop()
        if len(found) == 1 and size[found[0]] == size[index]:
            found.pop()
        found.append(index)
    return found


def _saving(cost: np.ndarray, size: np.ndarray, before: int, after: int) -> float:
    """Cost saved a byte."""
    return float((cost[before] - cost[after]) / max(size[after] - size[before], 1))
