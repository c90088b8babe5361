from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import distance
from skimage.metrics import (
    normalized_root_mse,
    peak_signal_noise_ratio,
    structural_similarity,
)

from eval.metrics import METRICS, measure, metric, names_at
from eval.metrics.tensors import cosine, max_error

ARRAYS = arrays(np.float32, (3, 4), elements=st.floats(-8, 8, width=32))


def score(name: str, reference: np.ndarray, test: np.ndarray, peak: float = 1.0) -> float:
    compute = METRICS[name].compute
    assert compute is not None
    return compute(reference, test, peak)


def test_by_hand() -> None:
    reference, test = np.array([3.0, 0.0, 4.0]), np.array([3.0, 2.0, 4.0])
    # 25 / (5 · √29); largest error 2 of a peak of 4; mean square error 4/3
    assert cosine(reference, test) == pytest.approx(25 / (5 * math.sqrt(29)))
    assert max_error(reference, test, 4.0) == 0.5
    assert score("psnr", reference, test, 4.0) == pytest.approx(10 * math.log10(16 / (4 / 3)))
    assert score("snr", reference, test) == pytest.approx(10 * math.log10((25 / 3) / (4 / 3)))
    assert cosine(np.array([1.0, 0.0]), np.array([0.0, 5.0])) == 0.0
    assert cosine(np.array([1.0, 2.0]), np.array([-2.0, -4.0])) == pytest.approx(-1.0)
    assert cosine(np.zeros(2), np.zeros(2)) == 1.0 and cosine(np.zeros(2), np.ones(2)) == 0.0


@given(ARRAYS)
def test_equal_arrays_score_the_best_there_is(array: np.ndarray) -> None:
    best = {"psnr": math.inf, "snr": math.inf, "cosine": 1.0, "max_error": 0.0}
    assert measure(array, array.copy(), peak=1.0, picture=False) == best


@given(ARRAYS, ARRAYS)
def test_symmetry_and_bounds(a: np.ndarray, b: np.ndarray) -> None:
    assert cosine(a, b) == pytest.approx(cosine(b, a)) and -1 <= cosine(a, b) <= 1
    assert max_error(a, b, 8.0) == max_error(b, a, 8.0) and 0 <= max_error(a, b, 8.0) <= 2
    assert score("psnr", a, b) == pytest.approx(score("psnr", b, a))
    # the largest error is at least the root of the mean square
    error = float(np.sqrt(np.mean((a.astype(np.float64) - b) ** 2)))
    assert max_error(a, b, 1.0) >= error * (1 - 1e-9)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_scores_the_worst_there_is(bad: float) -> None:
    reference = np.full((1, 3, 16, 16), 0.5)
    test = reference.copy()
    test[0, 1, 2, 3] = bad
    for name, value in measure(reference, test, peak=1.0, picture=True).items():
        assert value == METRICS[name].worst, name
        limit = 1e9 if METRICS[name].ceiling else -1e9
        assert not (value <= limit if METRICS[name].ceiling else value >= limit)


def test_another_shape_scores_the_worst_there_is() -> None:
    measured = measure(np.ones((2, 3)), np.ones((3, 2)), peak=1.0, picture=False)
    assert measured == {name: METRICS[name].worst for name in measured}


@pytest.mark.parametrize("noise", [0.001, 0.03, 0.3])
def test_psnr_and_ssim_as_scikit_image_has_them(noise: float) -> None:
    rng = np.random.default_rng(0)
    picture = rng.random((1, 3, 48, 40))
    test = (picture + rng.normal(0, noise, picture.shape)).clip(0, 1)
    measured = measure(picture, test, peak=1.0, picture=True)
    assert measured["psnr"] == pytest.approx(
        peak_signal_noise_ratio(picture, test, data_range=1.0), abs=1e-9
    )
    # The paper's window, wholly inside the picture; theirs is 11 wide at truncate 3.5.
    theirs = structural_similarity(
        picture[0],
        test[0],
        channel_axis=0,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert measured["ssim"] == pytest.approx(theirs, abs=1e-7)


@pytest.mark.parametrize("noise", [1e-6, 0.03, 3.0])
def test_tensors_metrics_as_scipy_and_scikit_image_have_them(noise: float) -> None:
    rng = np.random.default_rng(1)
    reference = rng.normal(0.2, 2, (1, 8, 32, 32)).astype(np.float32)
    test = (reference + rng.normal(0, noise, reference.shape)).astype(np.float32)
    a, b = (array.astype(np.float64).reshape(-1) for array in (reference, test))
    peak = float(np.abs(a).max())
    measured = measure(reference, test, peak=peak, picture=False)
    assert measured["cosine"] == pytest.approx(1 - distance.cosine(a, b), abs=1e-12)
    assert measured["max_error"] == pytest.approx(distance.chebyshev(a, b) / peak, rel=1e-12)
    # the error's length in units of the signal's is the root of the ratio of their powers
    error = normalized_root_mse(a, b, normalization="euclidean")
    assert measured["snr"] == pytest.approx(-20 * math.log10(error), abs=1e-9)
    assert measured["psnr"] == pytest.approx(peak_signal_noise_ratio(a, b, data_range=peak))


def test_pictures_only_metrics_stay_away_from_tensors() -> None:
    tensor = measure(np.ones((1, 8)), np.ones((1, 8)), peak=1.0, picture=False)
    assert "ssim" not in tensor
    assert {"ssim", *tensor} <= measure(
        np.zeros((1, 3, 16, 16)), np.zeros((1, 3, 16, 16)), peak=1.0, picture=True
    ).keys()


def test_a_metric_has_one_record_with_all_that_others_ask_for() -> None:
    assert list(METRICS) == [entry.name for entry in METRICS.values()]
    labels = [entry.label for entry in METRICS.values()]
    assert len(set(labels)) == len(labels) and all(labels)
    for entry in METRICS.values():
        assert entry.levels and entry.unit in ("", "dB", "bytes", "s")
        assert not entry.name.startswith("median_") or entry.name[7:] in METRICS
        # An additional error of x dB makes a figure in dB worse; noise of other metrics is a
        # difference of values, which is never negative.
        assert entry.noise.fine >= 0 and entry.noise.coarse >= 0
        if entry.unit == "dB":
            assert entry.noise.fine > entry.noise.coarse > 0


def test_the_docs_explain_every_metric() -> None:
    text = (Path(__file__).parents[3] / "docs" / "eval.md").read_text(encoding="utf-8")
    assert [name for name in METRICS if f"`{name}`" not in text] == []


def test_levels_list_their_metrics_in_the_order_of_tables() -> None:
    assert names_at("weights") == ("wrong", "missing")
    assert names_at("trajectory") == ("psnr", "median_psnr", "snr")
    assert names_at("size") == ("bytes", "bytes_per_weight")


def test_the_worst_value_depends_on_which_values_are_better() -> None:
    assert METRICS["psnr"].worst_of(3, 1, 2) == 1 and METRICS["psnr"].worst == -math.inf
    assert METRICS["flip"].worst_of(3, 1, 2) == 3 and METRICS["flip"].worst == math.inf


def test_a_name_of_another_version_only_has_a_label() -> None:
    unknown = metric("some_new_psnr")
    assert unknown.label == "some new psnr" and unknown.noise == metric("seed_effect").noise
    assert metric("median_psnr").label == "median PSNR"
