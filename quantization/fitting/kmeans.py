"""Exact one-dimensional k-means on sorted weighted values, compiled by numba.

The clusters of an optimum are intervals of the sorted values, so a clustering is a path from 0 to
n whose edge (j, i) puts the values j..i-1 into one cluster. The cost of an edge is the sum of
weights times squared distances to the cluster's mean. This is the sum of squares, which is the same
for every clustering, minus `S(j,i)² / W(j,i)`, with the sums S and W over the interval. Edge costs
satisfy the quadrangle inequality (Grønlund et al., arXiv 1701.07204, section 2), on which both
searches here rest:

- `penalised`: the cheapest path of any length when each edge costs a penalty more, in one pass with
  a queue of candidates (Galil and Park, "A linear-time algorithm for concave one-dimensional
  dynamic programming", 1990, with binary search: n·log n).
- `cluster`: the penalty whose cheapest path has exactly k edges (section 4 of the paper by Grønlund
  et al.). The least cost is convex in k, so that path is the optimum for k. Where the costs of
  several k lie on one line, there may be no penalty for k; then `exact_path` fills the whole table.

All sums are in float64, over values from which their mean has been subtracted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_OPTIONS: Any = {"nogil": True, "cache": True, "error_model": "numpy"}
_INLINE: Any = {"nogil": True, "inline": "always", "error_model": "numpy"}

_TRIES = 60
"""Most penalties that are tried: more than the 53 halvings that fix all bits of a float64."""


@njit(**_OPTIONS)
def histogram(codes: Any, weights: Any, counts: Any) -> None:
    """Add `weights`, or 1 each where that is empty, to `counts` (65536,) by fp16 bit pattern."""
    if len(weights):
        for index in range(len(codes)):
            counts[codes[index]] += weights[index]
    else:
        for index in range(len(codes)):
            counts[codes[index]] += 1.0
    counts[0] += counts[0x8000]  # -0 is 0
    counts[0x8000] = 0.0


@njit(**_OPTIONS)
def not_finite(codes: Any) -> bool:
    """Whether any of the fp16 bit patterns stands for NaN or infinity."""
    bad = 0
    for index in range(len(codes)):  # without a branch, so that it is vectorised
        bad |= (codes[index] & 0x7C00) == 0x7C00
    return bad != 0


@njit(**_OPTIONS)
def look_up(codes: Any, table: Any, out: Any) -> None:
    """Set `out[i] = table[codes[i]]` for every i."""
    for index in range(len(codes)):
        out[index] = table[codes[index]]


@njit(**_OPTIONS)
def present(counts: Any, ascending: Any, values: Any) -> Any:
    """The fp16 bit patterns with a count above 0, by value; their values; their counts."""
    found = 0
    for pattern in ascending:
        if counts[pattern] > 0:
            found += 1
    patterns = np.empty(found, np.int64)
    index = 0
    for pattern in ascending:
        if counts[pattern] > 0:
            patterns[index] = pattern
            index += 1
    return patterns, values[patterns], counts[patterns]


@njit(**_OPTIONS)
def nearest(ascending: Any, values: Any, centres: Any, out: Any) -> None:
    """Write to `out`, for each fp16 bit pattern, the index of the nearest of the sorted `centres`.

    Of two that are equally near the smaller one is taken.
    """
    best = 0
    for pattern in ascending:
        value = values[pattern]
        while best + 1 < len(centres) and value - centres[best] > centres[best + 1] - value:
            best += 1
        out[pattern] = best
    out[0x8000] = out[0]


@njit(**_INLINE)
def _edge(sums: Any, weights: Any, j: int, i: int) -> float:
    total = sums[i] - sums[j]
    return -total * total / (weights[i] - weights[j])


@njit(**_OPTIONS)
def penalised(sums: Any, weights: Any, penalty: float, back: Any, least: Any, queue: Any) -> int:
    """Find the cheapest path where each edge costs `penalty` more.

    Args:
        sums: Prefix sums (n+1,) of values times weights.
        weights: Prefix sums (n+1,) of weights.
        penalty: The extra cost of each edge.
        back: Result (n+1,): where the last edge of the cheapest path to each position begins.
        least: Scratch (n+1,): the cost of that path.
        queue: Scratch (2, n+2): the candidates for the start of an edge, oldest first, and the
            first position from which each is better than the one before it.

    Returns:
        The number of edges of the path to n.
    """
    n = len(sums) - 1
    candidates, starts = queue[0], queue[1]
    head, tail = 0, 1
    candidates[0], starts[0] = 0, 1
    least[0] = 0.0
    reach = 16
    for i in range(1, n + 1):
        while head + 1 < tail and starts[head + 1] <= i:
            head += 1
        j = candidates[head]
        least[i] = least[j] + _edge(sums, weights, j, i) + penalty
        back[i] = j
        if i == n:
            break
        # A candidate is never used if i is better from the first position where it counts.
        while head < tail:
            j = candidates[tail - 1]
            first = max(starts[tail - 1], i + 1)
            if least[i] + _edge(sums, weights, i, first) < least[j] + _edge(
                sums, weights, j, first
            ):
                tail -= 1
            else:
                break
        if head == tail:
            candidates[tail], starts[tail] = i, i + 1
            tail += 1
            continue
        # Find the first position where i is better than j. It lies after `low`, and probably as far
        # from i as it did last time.
        low, high, step = first, n + 1, 4
        probe = min(max(i + reach, low + 1), n)
        while low + 1 < high:
            if least[i] + _edge(sums, weights, i, probe) < least[j] + _edge(
                sums, weights, j, probe
            ):
                high = probe
                probe = probe - step
            else:
                low = probe
                probe = probe + step
            step *= 2
            if probe <= low or probe >= high:
                probe = (low + high) // 2
        if high <= n:
            reach = high - i
            candidates[tail], starts[tail] = i, high
            tail += 1
    edges, i = 0, n
    while i > 0:
        i = back[i]
        edges += 1
    return edges


@njit(**_OPTIONS)
def exact_path(sums: Any, weights: Any, k: int) -> Any:
    """The boundaries (k+1,) of the cheapest path of k edges, from the table of all positions.

    Each row of the table is filled by divide and conquer, since the best predecessors are monotone:
    k·n·log n steps.
    """
    n = len(sums) - 1
    back = np.zeros((k + 1, n + 1), np.int32)
    before, row = np.full(n + 1, np.inf), np.full(n + 1, np.inf)
    before[0] = 0.0
    stack = np.empty((128, 4), np.int64)
    for edges in range(1, k + 1):
        row[:] = np.inf
        depth = 1
        stack[0] = (edges, n, edges - 1, n - 1)
        while depth:
            depth -= 1
            low, high, first, last = stack[depth]
            if low > high:
                continue
            middle = (low + high) // 2
            best, start = np.inf, first
            for j in range(max(first, edges - 1), min(last, middle - 1) + 1):
                cost = before[j] + _edge(sums, weights, j, middle)
                if cost < best:
                    best, start = cost, j
            row[middle], back[edges, middle] = best, start
            stack[depth] = (low, middle - 1, first, start)
            stack[depth + 1] = (middle + 1, high, start, last)
            depth += 2
        before, row = row, before
    path = np.empty(k + 1, np.int64)
    path[k] = n
    for edges in range(k, 0, -1):
        path[edges - 1] = back[edges, path[edges]]
    return path


@njit(**_OPTIONS)
def _first_guess(values: Any, masses: Any, k: int) -> float:
    """The penalty for k levels that would be right if the values' density were smooth.

    The least error is then I³ / (12·k²) with I the integral of the density's cube root (Panter and
    Dite, "Quantization distortion in pulse-count modulation", 1951); this is its slope.
    """
    n, integral = len(values), 0.0
    for index in range(n):
        gap = (values[min(index + 1, n - 1)] - values[max(index - 1, 0)]) / 2
        integral += (masses[index] / gap) ** (1 / 3) * gap
    return integral**3 / (6.0 * float(k) ** 3)


@njit(**_OPTIONS)
def cluster(values: Any, masses: Any, k: int) -> Any:
    """The means (k,) of the optimal k clusters of sorted distinct `values` (n,), n > k.

    `masses` (n,) are positive weights. Law: no clustering has a smaller weighted squared error.
    """
    n = len(values)
    centre = np.sum(values * masses) / np.sum(masses)
    sums, weights = np.zeros(n + 1), np.zeros(n + 1)
    for index in range(n):
        sums[index + 1] = sums[index] + (values[index] - centre) * masses[index]
        weights[index + 1] = weights[index] + masses[index]
    back, least = np.empty(n + 1, np.int64), np.empty(n + 1)
    queue = np.empty((2, n + 2), np.int64)
    path = np.empty(k + 1, np.int64)
    low, high, found = 0.0, np.inf, False  # penalties that lead to more and to fewer than k
    penalty = _first_guess(values, masses, k)
    for _ in range(_TRIES):
        edges = penalised(sums, weights, penalty, back, least, queue)
        if edges == k:
            found = True
            break
        if edges > k:
            low = penalty
        else:
            high = penalty
        # The number of clusters falls with the cube root of the penalty.
        penalty *= (edges / k) ** 3
        if not low < penalty < high:
            penalty = np.sqrt(low * high) if low > 0 and high < np.inf else (low + high) / 2
        if not low < penalty < high:
            break
    if found:
        index = n
        for edge in range(k, -1, -1):
            path[edge] = index
            index = back[index]
    else:
        path = exact_path(sums, weights, k)
    means = np.empty(k)
    for edge in range(k):
        a, b = path[edge], path[edge + 1]
        means[edge] = centre + (sums[b] - sums[a]) / (weights[b] - weights[a])
    return means
