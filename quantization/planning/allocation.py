"""Choosing one of several schemes for each weight under a budget: multiple-choice knapsack."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from quantization.errors import BudgetError


def allocate(costs: Sequence[np.ndarray], sizes: Sequence[np.ndarray], budget: int) -> list[int]:
    """Choices of little total cost whose sizes add up to at most `budget`.

    This is the solution of the Lagrangian relaxation, found greedily (Shoham and Gersho, "Efficient
    bit allocation for an arbitrary set of quantizers", 1988). It begins with the smallest choices
    and takes, again and again, the step along a weight's lower convex hull that saves the most cost
    a byte. Where a step no longer fits, smaller ones are still taken. The total cost is never above
    the optimum by more than one step saves.

    Args:
        costs: For each weight the cost of each choice.
        sizes: For each weight the bytes of each choice.
        budget: Bytes of all weights together.

    Returns:
        For each weight the index of its choice.

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
    blocked: set[int] = set()  # savings fall along a hull, so its steps must be taken in order
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
    points: list[int] = []
    for index in order:
        if points and cost[index] >= cost[points[-1]]:
            continue
        while len(points) > 1 and _saving(cost, size, points[-1], index) >= _saving(
            cost, size, points[-2], points[-1]
        ):
            points.pop()
        if len(points) == 1 and size[points[0]] == size[index]:
            points.pop()
        points.append(index)
    return points


def _saving(cost: np.ndarray, size: np.ndarray, before: int, after: int) -> float:
    """The cost that a step saves for each byte that it adds."""
    return float((cost[before] - cost[after]) / max(size[after] - size[before], 1))
