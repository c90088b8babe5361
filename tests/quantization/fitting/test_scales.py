"""Linear quantization against the classic scales, and its ranges."""

from __future__ import annotations

import numpy as np
import pytest

from quantization.errors import WeightError
from quantization.fitting import int4_blocks, int8_channels


def heavy(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_t(3, shape) * 0.05).astype(np.float16)


def squares(weight: np.ndarray, scales: np.ndarray, integers: np.ndarray) -> np.ndarray:
    """Squared error by row; `scales` (rows, 1)."""
    rows = weight.astype(np.float64).reshape(len(scales), -1)
    return np.sum((rows - scales.astype(np.float64) * integers.reshape(rows.shape)) ** 2, axis=1)


def classic(rows: np.ndarray, low: int, high: int) -> np.ndarray:
    """Squared error by row with the scale that the largest magnitude sets, rounded to fp16."""
    rows = rows.astype(np.float64)
    scales = (np.abs(rows).max(axis=1, keepdims=True) / high).astype(np.float16)
    integers = np.clip(np.rint(rows / scales.astype(np.float64)), low, high)
    return squares(rows, scales, integers)


def test_int8_is_never_worse_than_the_classic_scale_on_any_channel() -> None:
    weight = heavy((24, 16, 3, 3))
    scales, integers = int8_channels(weight)
    assert scales.dtype == np.float16 and integers.dtype == np.int8 and integers.min() >= -127
    found = squares(weight, scales[:, None], integers)
    assert np.all(found <= classic(weight.reshape(24, -1), -127, 127))


def test_int4_wins_clearly_over_the_classic_scale() -> None:
    weight = heavy((20, 64))
    scales, integers = int4_blocks(weight, 32)
    assert scales.shape == (20, 2) and integers.min() >= -8 and integers.max() <= 7
    found = squares(weight.reshape(40, 32), scales.reshape(40, 1), integers.reshape(40, 32))
    old = classic(weight.reshape(40, 32), -8, 7)
    assert np.all(found <= old) and found.sum() < 0.95 * old.sum()


def test_importance_steers_the_scale() -> None:
    weight = heavy((1, 64))
    importance = np.where(np.abs(weight) == np.abs(weight).max(), 1000.0, 1.0)
    plain, steered = int4_blocks(weight, 64), int4_blocks(weight, 64, importance)

    def weighted(found: tuple[np.ndarray, np.ndarray]) -> float:
        miss = weight.astype(np.float64) - found[0].astype(np.float64) * found[1]
        return float(np.sum(importance * miss**2))

    assert weighted(steered) < weighted(plain)


def test_zeros_and_constants_are_kept() -> None:
    scales, integers = int8_channels(np.zeros((2, 3), np.float32))
    assert not (scales[:, None] * integers).any()
    scales, integers = int8_channels(np.full((1, 5), 0.5, np.float32))
    np.testing.assert_allclose(scales[:, None].astype(np.float64) * integers, 0.5, rtol=1e-3)


def test_weights_without_numbers_are_refused() -> None:
    with pytest.raises(WeightError, match="NaN or infinity"):
        int8_channels(np.array([[np.nan, 1.0]]))
    with pytest.raises(WeightError, match="empty"):
        int4_blocks(np.zeros((0, 8)), 4)
