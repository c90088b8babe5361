"""Compares rounding to the declared type with numpy's."""

import numpy as np
import pytest
import torch

from coreml_runtime.numerics import BY_NAME
from coreml_runtime.numerics.rounding import rounding

LARGE = (1 << 19) + 17  # more elements than one chunk


@pytest.mark.parametrize("count", [1, 1000, LARGE])
@pytest.mark.parametrize("in_place", [True, False])
def test_fp16_is_numpys(count: int, in_place: bool) -> None:
    """Values are rounded to nearest, ties to even, including subnormal, infinite and NaN values."""
    generator = np.random.default_rng(count)
    exponents = generator.uniform(-30, 20, count)
    values = (generator.standard_normal(count) * 2.0**exponents).astype(np.float32)
    values[: min(count, 4)] = np.array([1 + 2**-11, 70000, np.nan, -0.0], np.float32)[:count]
    given = torch.from_numpy(values.copy())
    round_to = rounding(BY_NAME["fp16"], in_place=in_place)
    assert round_to is not None
    made = round_to(given)
    with np.errstate(over="ignore"):
        want = values.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(made.numpy(), want)
    assert (made.data_ptr() == given.data_ptr()) == in_place


def test_a_transposed_tensor_is_rounded_too() -> None:
    given = torch.randn(1024, LARGE // 1024, generator=torch.Generator().manual_seed(0)).T
    want = given.half().float()
    round_to = rounding(BY_NAME["fp16"], in_place=True)
    assert round_to is not None
    assert torch.equal(round_to(given), want)
