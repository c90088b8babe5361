"""Indices of palettized weights are those that coremltools finds by itself."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.optimize._utils import find_indices_for_lut
from hypothesis import given
from hypothesis import strategies as st

from export.coreml.look_up import nearest, sorted_look_up


@given(
    bits=st.sampled_from((1, 2, 3, 4, 6)),
    groups=st.integers(1, 3),
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    step=st.sampled_from((8, 10)),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_indices_are_those_of_coremltools(
    bits: int, groups: int, shape: list[int], step: int, seed: int
) -> None:
    numbers = np.random.default_rng(seed)
    # Few different entries, so that some are equal; tenths are no numbers of fp16.
    tables = numbers.integers(-9, 9, (groups, 2**bits)).astype(np.float32) / np.float32(step)
    chosen = numbers.integers(0, 2**bits, (2 * groups, *shape))
    data = np.stack([tables[row // 2][index] for row, index in enumerate(chosen)])
    data[data == 0] *= np.float32(-1)
    lut = tables.reshape(groups, *(1 for _ in shape), 2**bits, 1)
    expected = find_indices_for_lut(data, lut)
    np.testing.assert_array_equal(nearest(data, tables), expected)
    with sorted_look_up():
        from coremltools.optimize import _utils

        found = _utils.find_indices_for_lut(data, lut)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("lut", [(1, 3, 4, 1), (1, 1, 4, 2)], ids=["by column", "vectors"])
def test_other_tables_are_left_to_coremltools(lut: tuple[int, ...]) -> None:
    from coremltools.optimize import _utils

    numbers = np.random.default_rng(0)
    table, data = numbers.random(lut, np.float32), numbers.random((4, 6), np.float32)
    expected = find_indices_for_lut(data, table, 0)
    with sorted_look_up():
        np.testing.assert_array_equal(_utils.find_indices_for_lut(data, table, 0), expected)
