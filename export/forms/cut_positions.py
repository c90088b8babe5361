"""Where a sequence of steps is cut so that the least has to be passed between its parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

TOLERANCE = 1.2
"""How much larger than the mean the weights of a part may be."""
_WIDER = 1.1


def cheapest_cuts(weights: Sequence[float], passed: Sequence[float], count: int) -> tuple[int, ...]:
    """The cuts into `count` parts that pass the least, among those of balanced weights.

    It is a dynamic program over the number of parts and the place of the last cut. Parts hold at
    most `TOLERANCE` times the mean; where no such cuts exist, the limit grows by steps of a tenth.

    Args:
        weights: Bytes of weights that each step is the first to use.
        passed: For a cut before each step what is passed there, in bytes; infinity where there can
            be none. The first entry is not used.
        count: Number of parts, from 1 to `most_parts(weights, passed)`.

    Returns:
        The index of the first step of each part but the first, in order. Every part has weights.
    """
    assert 1 <= count <= most_parts(weights, passed)
    limit = TOLERANCE * sum(weights) / count
    while (cuts := _within(weights, passed, count, limit)) is None:
        limit *= _WIDER
    return cuts


def most_parts(weights: Sequence[float], passed: Sequence[float]) -> int:
    """The largest number of parts of which each has weights."""
    parts, held, left = 0, 0.0, sum(weights)
    for weight, cost in zip(weights, passed, strict=True):
        if held > 0 and left > 0 and math.isfinite(cost):
            parts, held = parts + 1, 0.0
        held, left = held + weight, left - weight
    return parts + 1


def _within(
    weights: Sequence[float], passed: Sequence[float], count: int, limit: float
) -> tuple[int, ...] | None:
    """The cheapest cuts into parts of at most `limit` bytes of weights; None where there are none.

    After the round for `k` parts, `best[end]` is the least that cuts of the steps before `end` into
    `k` parts cost, the cut before `end` itself included.
    """
    held = np.concatenate([[0.0], np.cumsum(weights)])
    cost = np.array([*passed, 0.0])
    best = np.where(np.arange(len(held)) == 0, 0.0, np.inf)
    rounds = []
    first = np.searchsorted(held, held - limit, side="left")
    last = np.searchsorted(held, held, side="left")  # a part has weights
    for _ in range(count):
        chosen = np.zeros(len(held), int)
        reached = np.full(len(held), np.inf)
        for end in np.flatnonzero(np.isfinite(cost) & (first < last)):
            start = first[end] + int(np.argmin(best[first[end] : last[end]]))
            chosen[end], reached[end] = start, best[start] + cost[end]
        best = reached
        rounds.append(chosen)
    if not math.isfinite(best[-1]):
        return None
    cuts = [len(weights)]
    for chosen in reversed(rounds):
        cuts.append(int(chosen[cuts[-1]]))
    return tuple(reversed(cuts[1:-1]))
