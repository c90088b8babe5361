from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components import TensorSpec
from components.metrics import peak_of, psnr, snr, ssim

FINITE = arrays(np.float32, (3, 4), elements=st.floats(-8, 8, width=32))


def test_psnr_by_hand() -> None:
    reference, test = np.array([0.0, 0.5, 1.0, 0.25]), np.array([0.1, 0.5, 0.9, 0.25])
    # mean squared error (0.01 + 0 + 0.01 + 0) / 4 = 0.005; 10·log10(1 / 0.005) = 23.0103
    assert psnr(reference, test, peak=1.0) == pytest.approx(23.0103, abs=1e-4)
    # peak 2 adds 20·log10(2) = 6.0206
    assert psnr(reference, test, peak=2.0) == pytest.approx(29.0309, abs=1e-4)


def test_psnr_of_one_grey_level_is_the_textbooks_48_dot_13() -> None:
    reference = np.zeros((1, 3, 4, 4))
    assert psnr(reference, reference + 1 / 255, peak=1.0) == pytest.approx(48.1308, abs=1e-4)


def test_snr_by_hand() -> None:
    reference, test = np.array([3.0, 4.0]), np.array([3.0, 4.5])
    # signal (9 + 16) / 2 = 12.5, noise 0.25 / 2 = 0.125: a ratio of 100
    assert snr(reference, test) == pytest.approx(20.0)


def test_more_elements_do_not_change_the_score() -> None:
    reference, test = np.array([0.0, 1.0]), np.array([0.1, 0.9])
    repeated = psnr(np.tile(reference, 1000), np.tile(test, 1000), peak=1.0)
    assert repeated == pytest.approx(psnr(reference, test, peak=1.0))
    assert snr(np.tile(reference, 1000), np.tile(test, 1000)) == pytest.approx(snr(reference, test))


def test_bytes_do_not_wrap_around() -> None:
    black, white = np.zeros(4, np.uint8), np.full(4, 255, np.uint8)
    assert psnr(black, white, peak=255.0) == pytest.approx(0.0)
    assert psnr(white, black, peak=255.0) == pytest.approx(0.0)


@given(FINITE)
def test_equal_is_infinite(array: np.ndarray) -> None:
    assert psnr(array, array.copy(), peak=1.0) == math.inf
    assert snr(array, array.copy()) == math.inf


@given(FINITE, FINITE, st.floats(0.1, 100))
def test_psnr_is_symmetric(a: np.ndarray, b: np.ndarray, peak: float) -> None:
    assert psnr(a, b, peak=peak) == pytest.approx(psnr(b, a, peak=peak))


@given(FINITE, FINITE)
def test_snr_is_psnr_with_the_signals_own_power(a: np.ndarray, b: np.ndarray) -> None:
    power = float(np.mean(a.astype(np.float64) ** 2))
    if power > 1e-6:
        assert snr(a, b) == pytest.approx(psnr(a, b, peak=math.sqrt(power)), abs=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_passes_no_gate(bad: float) -> None:
    reference = np.ones(5)
    test = reference.copy()
    test[3] = bad
    assert psnr(reference, test, peak=1.0) == -math.inf
    assert snr(reference, test) == -math.inf
    with pytest.raises(ValueError, match="reference"):
        psnr(test, reference, peak=1.0)


def test_bad_arguments() -> None:
    ones = np.ones(2)
    with pytest.raises(ValueError, match="peak"):
        psnr(ones, ones, peak=0.0)
    with pytest.raises(ValueError, match="shapes"):
        psnr(ones, np.ones((1, 2)), peak=1.0)
    with pytest.raises(ValueError, match="empty"):
        snr(np.ones(0), np.ones(0))


def test_silence_has_no_signal() -> None:
    assert snr(np.zeros(3), np.ones(3)) == -math.inf


def test_peak_is_one_for_images_and_the_largest_magnitude_otherwise() -> None:
    array = np.array([-3.0, 0.5])
    assert peak_of(TensorSpec(name="x", shape=(2,), image=True), array) == 1.0
    assert peak_of(TensorSpec(name="x", shape=(2,)), array) == 3.0
    assert peak_of(TensorSpec(name="x", shape=(2,)), array * 0) == 1.0


def test_ssim_of_flat_pictures_by_hand() -> None:
    reference, test = np.full((1, 3, 16, 16), 0.4), np.full((1, 3, 16, 16), 0.6)
    # no variance: (2·0.4·0.6 + 0.0001) / (0.16 + 0.36 + 0.0001) = 0.923092
    assert ssim(reference, test, peak=1.0) == pytest.approx(0.923092, abs=1e-6)
    assert ssim(reference, reference, peak=1.0) == 1.0


def test_ssim_of_one_window_is_the_papers_formula() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 11, 11))
    places = np.arange(-5, 6)
    window = np.exp(-(places[:, None] ** 2 + places**2) / (2 * 1.5**2))
    window /= window.sum()
    mx, my = (window * x).sum(), (window * y).sum()
    vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
    cov = (window * (x - mx) * (y - my)).sum()
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
    expected = luminance * (2 * cov + c2) / (vx + vy + c2)
    assert ssim(x[None, None], y[None, None], peak=1.0) == pytest.approx(expected, abs=1e-12)


def test_ssim_refuses_what_it_cannot_compare() -> None:
    picture = np.zeros((1, 3, 12, 12))
    with pytest.raises(ValueError, match="smaller than the window"):
        ssim(picture[..., :8], picture[..., :8] + 0.1, peak=1.0)
    assert ssim(picture, picture + np.nan, peak=1.0) == -math.inf
