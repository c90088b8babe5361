"""Giving out bytes, against every possible choice."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantization.errors import BudgetError
from quantization.planning.allocation import allocate, hull

item = st.lists(
    st.tuples(st.integers(1, 30), st.integers(0, 100)), min_size=1, max_size=4, unique=True
)


@given(st.lists(item, min_size=1, max_size=4), st.integers(0, 120))
def test_it_fits_and_is_within_one_step_of_the_best(
    items: list[list[tuple[int, int]]], budget: int
) -> None:
    sizes = [np.array([size for size, _ in choices]) for choices in items]
    costs = [np.array([float(cost) for _, cost in choices]) for choices in items]
    if sum(int(size.min()) for size in sizes) > budget:
        with pytest.raises(BudgetError, match="at least"):
            allocate(costs, sizes, budget)
        return
    chosen = allocate(costs, sizes, budget)
    assert sum(size[c] for size, c in zip(sizes, chosen, strict=True)) <= budget
    found = sum(cost[c] for cost, c in zip(costs, chosen, strict=True))
    best = min(
        sum(cost[c] for cost, c in zip(costs, choice, strict=True))
        for choice in product(*(range(len(choices)) for choices in items))
        if sum(size[c] for size, c in zip(sizes, choice, strict=True)) <= budget
    )
    largest = max(float(cost.max() - cost.min()) for cost in costs)
    assert best <= found <= best + largest


def test_a_budget_for_everything_takes_the_cheapest() -> None:
    costs = [np.array([9.0, 4.0, 1.0]), np.array([5.0, 0.0])]
    sizes = [np.array([1, 2, 3]), np.array([4, 8])]
    assert allocate(costs, sizes, 11) == [2, 1]
    assert allocate(costs, sizes, 5) == [0, 0]


def test_the_hull_leaves_out_what_never_pays() -> None:
    assert hull(np.array([10.0, 9.5, 2.0, 3.0]), np.array([1, 2, 3, 4])) == [0, 2]
    assert hull(np.array([4.0, 1.0]), np.array([2, 2])) == [1]
