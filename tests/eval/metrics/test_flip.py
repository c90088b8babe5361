"""FLIP against the paper: by hand on plain pictures, else by an independent implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate1d

from avatar.people import STYLES, can_draw, draw, sample_identity
from eval.metrics.flip import PIXELS_PER_DEGREE, flip

# IEC 61966-2-1's primaries, as the authors round them.
TO_XYZ = np.array(
    [
        [10135552 / 24577794, 8788810 / 24577794, 4435075 / 24577794],
        [2613072 / 12288897, 8788810 / 12288897, 887015 / 12288897],
        [1425312 / 73733382, 8788810 / 73733382, 70074185 / 73733382],
    ]
)
WHITE = TO_XYZ.sum(axis=1)


def avatar(person: int) -> np.ndarray:
    """(1,3,256,256) in [0,1]: a designer's drawing of a made-up person."""
    identity = sample_identity(person)
    style = next(style for style in STYLES if can_draw(identity, style.name))
    return draw(identity, style.name, person).transpose(2, 0, 1)[None] / 255


def plain(*colour: float) -> np.ndarray:
    return np.broadcast_to(np.reshape(colour, (1, 3, 1, 1)), (1, 3, 24, 20))


def linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB (…,3), then the Hunt effect: chroma fades with lightness."""
    xyz = rgb @ TO_XYZ.T / WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * 841 / 108 + 4 / 29)
    lightness = 116 * f[..., 1] - 16
    chroma = (500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2]))
    return np.stack([lightness, *(0.01 * lightness * c for c in chroma)], axis=-1)


def hyab(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    difference = first - second
    return np.abs(difference[..., 0]) + np.hypot(difference[..., 1], difference[..., 2])


def colour_error(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The paper's equations 7 and 8, of two pictures in linear RGB."""
    largest = hyab(lab(np.array([0.0, 1, 0])), lab(np.array([0.0, 0, 1]))) ** 0.7
    distance, knee = hyab(lab(first), lab(second)) ** 0.7, 0.4 * largest
    return np.where(
        distance < knee,
        0.95 * distance / knee,
        0.95 + 0.05 * (distance - knee) / (largest - knee),
    )


def by_the_paper(reference: np.ndarray, test: np.ndarray) -> float:
    """LDR-FLIP of two pictures (1,3,h,w), straight from the paper's sections 4.1 to 4.3."""
    opponents = [opponent(picture[0].transpose(1, 2, 0)) for picture in (reference, test)]
    seen = [np.clip(back(blurred(image)), 0, 1) for image in opponents]
    edges, points = (
        np.abs(np.subtract(*(strength((image[..., 0] + 16) / 116, order) for image in opponents)))
        for order in (1, 2)
    )
    features = (np.maximum(edges, points) / math.sqrt(2)) ** 0.5
    return float((colour_error(*seen) ** (1 - features)).mean())


def opponent(srgb: np.ndarray) -> np.ndarray:
    """YCxCz, the linearised CIELAB in which the contrast sensitivity functions are given."""
    x, y, z = np.moveaxis(linear(srgb) @ TO_XYZ.T / WHITE, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def back(ycxcz: np.ndarray) -> np.ndarray:
    y = (ycxcz[..., 0] + 16) / 116
    xyz = np.stack([y + ycxcz[..., 1] / 500, y, y - ycxcz[..., 2] / 200], axis=-1) * WHITE
    return xyz @ np.linalg.inv(TO_XYZ).T


def blurred(ycxcz: np.ndarray) -> np.ndarray:
    """Filtered by the contrast sensitivity of each channel, a sum of Gaussians (table 1)."""
    radius = math.ceil(3 * math.sqrt(0.04 / (2 * math.pi**2)) * PIXELS_PER_DEGREE)
    x = np.arange(-radius, radius + 1) / PIXELS_PER_DEGREE
    table = [[(1, 0.0047)], [(1, 0.0053)], [(34.1, 0.04), (13.5, 0.025)]]
    channels = []
    for channel, gaussians in zip(np.moveaxis(ycxcz, -1, 0), table, strict=True):
        kernels = [
            (a * math.sqrt(math.pi / b), np.exp(-(math.pi**2) * x**2 / b)) for a, b in gaussians
        ]
        total = sum(weight * kernel.sum() ** 2 for weight, kernel in kernels)
        channels.append(sum(w * both_ways(channel, k, k) for w, k in kernels) / total)
    return np.stack(channels, axis=-1)


def strength(grey: np.ndarray, order: int) -> np.ndarray:
    """Edges (order 1) or points (order 2): size of a derivative of a Gaussian of 0.082 degrees."""
    deviation = 0.5 * 0.082 * PIXELS_PER_DEGREE
    x = np.arange(-math.ceil(3 * deviation), math.ceil(3 * deviation) + 1)
    gaussian = np.exp(-(x**2) / (2 * deviation**2))
    slope = (-x if order == 1 else x**2 / deviation**2 - 1) * gaussian
    slope = np.where(slope > 0, slope / slope[slope > 0].sum(), slope / -slope[slope < 0].sum())
    gaussian /= gaussian.sum()
    return np.hypot(both_ways(grey, slope, gaussian), both_ways(grey, gaussian, slope))


def both_ways(image: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    return correlate1d(correlate1d(image, down, 0, mode="nearest"), across, 1, mode="nearest")


def test_equal_pictures_score_nothing() -> None:
    assert flip(avatar(1), avatar(1)) == 0.0


@pytest.mark.parametrize(
    ("first", "second", "by_hand"),
    [
        # A plain picture has no edges, and filters leave it alone: what is left is the colours'
        # distance. Black to white is 100 by HyAB, 100^0.7 = 25.119. The largest, green to blue,
        # with L*a*b* (87.74, -75.61, 72.98) and (32.30, 25.58, -34.84) after the Hunt effect, is
        # 203.30^0.7 = 41.276, the knee 0.4 of that, 16.510:
        # 0.95 + 0.05·(25.119 - 16.510)/(41.276 - 16.510).
        ((0, 0, 0), (1, 1, 1), 0.96738),
        ((1, 1, 1), (0, 0, 0), 0.96738),
        ((0, 1, 0), (0, 0, 1), 1.0),
    ],
)
def test_plain_pictures_by_hand(
    first: tuple[float, ...], second: tuple[float, ...], by_hand: float
) -> None:
    assert flip(plain(*first), plain(*second)) == pytest.approx(by_hand, abs=2e-5)


@pytest.mark.parametrize("person", [1, 2, 3])
def test_agrees_with_the_paper_computed_independently(person: int) -> None:
    reference = avatar(person)[:, :, 40:168, 60:188]
    noise = np.random.default_rng(person).normal(0, 0.05, reference.shape)
    for test in (np.clip(reference + noise, 0, 1), reference[:, ::-1], np.roll(reference, 2, 3)):
        assert flip(reference, test) == pytest.approx(by_the_paper(reference, test), abs=2e-5)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_is_symmetric_and_within_bounds(seed: int, amount: float) -> None:
    rng = np.random.default_rng(seed)
    first = rng.random((2, 3, 16, 12))
    second = np.clip(first + amount * rng.normal(size=first.shape), 0, 1)
    assert flip(first, second) == flip(second, first)
    assert 0 <= flip(first, second) <= 1


def test_more_noise_looks_worse() -> None:
    reference, noise = avatar(4), np.random.default_rng(0).normal(size=(1, 3, 256, 256))
    scores = [flip(reference, reference + size * noise) for size in (0.0, 0.01, 0.03, 0.1, 0.3)]
    assert scores == sorted(scores) and len(set(scores)) == len(scores)


def test_pictures_of_a_stack_count_alike() -> None:
    first, second = avatar(1), avatar(2)
    stack = flip(np.concatenate([first, first]), np.concatenate([first, second]))
    assert stack == pytest.approx(flip(first, second) / 2, rel=1e-6)


def test_what_is_not_finite_is_the_worst() -> None:
    broken = avatar(1).copy()
    broken[0, 1, 5, 5] = np.nan
    assert flip(avatar(1), broken) == math.inf
    with pytest.raises(ValueError, match="reference holds NaN"):
        flip(broken, avatar(1))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        flip(avatar(1), avatar(1)[:, :, :9])
    with pytest.raises(ValueError, match="expected pictures"):
        flip(avatar(1)[0], avatar(1)[0])
