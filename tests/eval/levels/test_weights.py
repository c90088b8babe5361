from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from eval.graphs import Graph, Operation
from eval.levels.weights import read_back, relative

RNG = np.random.default_rng(0)
STATE = {
    "a.weight": RNG.standard_normal((4, 3)).astype(np.float32),
    "a.bias": RNG.standard_normal(4).astype(np.float32),
    "b.weight": RNG.standard_normal((4, 5)).astype(np.float32),
}


def graph(constants: dict[str, np.ndarray], stored_as: dict[str, str], **others: object) -> Graph:
    operation = Operation(kind="op", inputs=("x",), constants=tuple(constants), outputs=("y",))
    values = {"operations": (operation,), "constants": constants, "stored_as": stored_as}
    return Graph(**{**values, **others})  # type: ignore[arg-type]


def named(**changed: np.ndarray) -> Graph:
    constants = {**STATE, **{name.replace("__", "."): value for name, value in changed.items()}}
    return graph(constants, {name: name for name in constants})


def test_a_file_with_the_same_numbers_is_right() -> None:
    found = read_back(named(), STATE, half=False)
    assert found.right == tuple(STATE) and not found.wrong and not found.missing


def test_one_changed_number_is_wrong_and_its_error_is_told() -> None:
    changed = STATE["a.bias"].copy()
    changed[2] += 1
    found = read_back(named(a__bias=changed), STATE, half=False)
    ((name, error),) = found.wrong
    assert name == "a.bias" and error == pytest.approx(1 / np.linalg.norm(STATE["a.bias"]))


def test_names_may_be_written_with_underscores_and_carry_endings() -> None:
    constants = {"c0": STATE["a.weight"], "c1": STATE["a.bias"], "c2": STATE["b.weight"]}
    stored = {"c0": "a_weight", "c1": "a_bias", "c2": "b.weight.indices"}
    assert not read_back(graph(constants, stored), STATE, half=False).missing


def test_a_nameless_weight_is_found_by_its_numbers_also_transposed() -> None:
    constants = {"x1": STATE["a.weight"].T.copy(), "x2": STATE["a.bias"], "x3": STATE["b.weight"]}
    assert read_back(graph(constants, {}), STATE, half=False).right == tuple(STATE)


def test_a_nameless_weight_that_is_nearly_there_is_wrong_and_one_that_is_gone_is_missing() -> None:
    near = STATE["a.weight"].T * np.float32(1.01)
    found = read_back(graph({"x1": near, "x2": STATE["a.bias"]}, {}), STATE, half=False)
    assert [name for name, _ in found.wrong] == ["a.weight"]
    assert found.missing == ("b.weight",)


def test_equal_weights_are_stored_once_and_what_changes_nothing_is_left_out() -> None:
    state = {**STATE, "c.bias": STATE["a.bias"], "d.bias": np.zeros(7, np.float32)}
    assert read_back(named(), state, half=False).right == tuple(state)
    state["d.bias"] = np.full(7, 2, np.float32)
    assert read_back(named(), state, half=False).missing == ("d.bias",)


def test_halves_are_right_only_where_the_file_may_hold_them() -> None:
    halved = STATE["a.bias"].astype(np.float16).astype(np.float32)
    assert not read_back(named(a__bias=halved), STATE, half=True).wrong
    assert read_back(named(a__bias=halved), STATE, half=False).wrong


def test_integers_are_right_within_half_a_step() -> None:
    step = np.float32(0.1)
    rounded = np.round(STATE["a.bias"] / step) * step
    stored = {name: name for name in STATE}
    constants = {**STATE, "a.bias": rounded}
    held = graph(constants, stored, steps={"a.bias": step})
    assert not read_back(held, STATE, half=False).wrong
    held = graph({**constants, "a.bias": rounded + step}, stored, steps={"a.bias": step})
    assert read_back(held, STATE, half=False).wrong


@given(arrays.arrays(np.float32, 5, elements=st.floats(-10, 10, width=32)))
def test_relative_is_zero_for_equal_arrays_only(array: np.ndarray) -> None:
    other = array.copy()
    assert relative(array, other) == 0
    other[0] += 1
    assert relative(array, other) > 0


def test_relative_of_what_is_no_number_is_infinite() -> None:
    assert relative(np.ones(2), np.array([1, np.nan])) == np.inf
