"""Palettes against brute force, against coremltools, and against their own laws."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from coremltools.models.neural_network.quantization_utils import _get_kmeans_lookup_table_and_weight
from hypothesis import given
from hypothesis import strategies as st

from quantization.errors import WeightError
from quantization.fitting import kmeans, palettize, palettize_groups

Numbers = np.ndarray


def error(weight: Numbers, table: Numbers, indices: Numbers) -> float:
    return float(np.sum((table.astype(np.float64)[indices] - weight.astype(np.float64)) ** 2))


def cost(values: Numbers, masses: Numbers, means: Numbers) -> float:
    distance = np.min((values[:, None] - means[None]) ** 2, axis=1)
    return float(np.sum(masses * distance))


def brute_force(values: Numbers, masses: Numbers, k: int) -> float:
    """The least cost over every way to cut the sorted values into k intervals."""
    best = np.inf
    for cuts in combinations(range(1, len(values)), k - 1):
        bounds = [0, *cuts, len(values)]
        pairs = list(pairwise(bounds))
        means = [np.average(values[a:b], weights=masses[a:b]) for a, b in pairs]
        parts = zip(pairs, means, strict=True)
        best = min(best, sum(np.sum(masses[a:b] * (values[a:b] - m) ** 2) for (a, b), m in parts))
    return float(best)


points = st.lists(
    st.tuples(st.integers(-40, 40), st.integers(1, 9)),
    min_size=3,
    max_size=11,
    unique_by=lambda p: p[0],
)


@given(points, st.integers(1, 6))
def test_clusters_cost_what_brute_force_costs(pairs: list[tuple[int, int]], k: int) -> None:
    """Small integers make ties common, where no penalty gives k and the table is filled."""
    ordered = np.array(sorted(pairs), np.float64)
    values, masses = ordered[:, 0].copy(), ordered[:, 1].copy()
    k = min(k, len(values) - 1)
    found = cost(values, masses, kmeans.cluster(values, masses, k))
    assert found == pytest.approx(brute_force(values, masses, k), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("k", [2, 5, 16, 63, 64, 256])
@pytest.mark.parametrize("kind", ["normal", "heavy", "two heaps", "even"])
def test_the_search_over_penalties_agrees_with_the_whole_table(kind: str, k: int) -> None:
    rng = np.random.default_rng(k)
    drawn = {
        "normal": lambda: rng.standard_normal(1500),
        "heavy": lambda: rng.standard_t(2, 1500),
        "two heaps": lambda: np.concatenate([half := rng.random(700) + 1, -half]),
        "even": lambda: np.arange(1200.0),
    }[kind]()
    values, counts = np.unique(drawn, return_counts=True)
    masses = counts * rng.integers(1, 5, len(values)).astype(np.float64)
    sums = np.concatenate([[0], np.cumsum((values - np.average(values, weights=masses)) * masses)])
    path = kmeans.exact_path(sums, np.concatenate([[0], np.cumsum(masses)]), k)
    pairs = pairwise(path)
    means = np.array([np.average(values[a:b], weights=masses[a:b]) for a, b in pairs])
    found = cost(values, masses, kmeans.cluster(values, masses, k))
    assert found == pytest.approx(cost(values, masses, means), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8])
def test_the_error_is_never_above_coremltools(bits: int) -> None:
    rng = np.random.default_rng(bits)
    for weight in (rng.standard_normal((64, 32, 3, 3)), rng.laplace(size=(150, 90)) * 0.02):
        weight = weight.astype(np.float16)
        table, indices = palettize(weight, bits)
        their_table, theirs = _get_kmeans_lookup_table_and_weight(bits, weight)
        their_error = error(weight.reshape(-1), np.asarray(their_table, np.float16), theirs)
        assert error(weight, table, indices) <= their_error


def test_the_error_never_rises_with_more_bits() -> None:
    weight = np.random.default_rng(3).standard_normal((40, 50)).astype(np.float16)
    errors = [error(weight, *palettize(weight, bits)) for bits in range(1, 9)]
    assert errors == sorted(errors, reverse=True)


def test_a_tensor_with_few_values_is_kept_exactly() -> None:
    weight = np.array([[0.5, -1.25], [0.5, 3.0]], np.float16)
    table, indices = palettize(weight, 2)
    np.testing.assert_array_equal(table[indices], weight)
    assert table.tolist() == [-1.25, 0.5, 3.0, 3.0]
    table, indices = palettize(np.full((3, 4), -0.0, np.float32), 4)
    assert not table.any() and indices.shape == (3, 4)


@given(st.lists(st.floats(-100, 100, width=16), min_size=1, max_size=40), st.integers(1, 4))
def test_every_element_has_its_nearest_entry(numbers: list[float], bits: int) -> None:
    weight = np.array(numbers, np.float16)
    table, indices = palettize(weight, bits)
    assert np.all(np.diff(table.astype(np.float64)) >= 0)
    distance = np.abs(table.astype(np.float64)[None] - weight.astype(np.float64)[:, None])
    np.testing.assert_array_equal(distance[np.arange(len(weight)), indices], distance.min(axis=1))


def test_importance_steers_the_table() -> None:
    weight = np.linspace(-1, 1, 400, dtype=np.float16)
    importance = np.where(weight > 0, 100.0, 1.0)
    plain, steered = palettize(weight, 3), palettize(weight, 3, importance)

    def weighted(found: tuple[Numbers, Numbers]) -> float:
        return float(np.sum(importance * (found[0].astype(np.float64)[found[1]] - weight) ** 2))

    assert weighted(steered) < 0.5 * weighted(plain)
    assert error(weight, *plain) < error(weight, *steered)
    nothing = palettize(weight, 3, np.zeros(400))
    np.testing.assert_array_equal(nothing[0], plain[0])


def test_groups_have_palettes_of_their_own() -> None:
    weight = np.random.default_rng(0).standard_normal((10, 6, 3, 3)).astype(np.float16)
    tables, indices = palettize_groups(weight, 2, 4)
    assert tables.shape == (3, 4) and indices.shape == weight.shape
    table, own = palettize(weight[8:], 2)
    np.testing.assert_array_equal(tables[2], table)
    np.testing.assert_array_equal(indices[8:], own)


def test_the_same_bytes_on_every_run() -> None:
    weight = np.random.default_rng(1).standard_normal((64, 64)).astype(np.float32)
    first, second = palettize(weight, 6), palettize(weight.copy(), 6)
    assert first[0].tobytes() == second[0].tobytes() and first[1].tobytes() == second[1].tobytes()


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        (np.zeros((0, 3), np.float32), "empty"),
        (np.array([1.0, np.nan]), "NaN or infinity"),
        (np.array([1.0, -np.inf], np.float16), "NaN or infinity"),
        (np.array([1.0, 1e6]), "beyond fp16"),
    ],
)
def test_weights_without_numbers_are_refused(weight: Numbers, says: str) -> None:
    with pytest.raises(WeightError, match=says):
        palettize(weight, 4)
