"""The selfie rules: measures, refusals, and what the limits refuse."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from avatar.people import sample_identity
from avatar.people.renderer import render
from avatar.selfies import (
    RULES,
    Face,
    Photo,
    Rule,
    difference,
    measures,
    nearest,
    prepare_selfie,
    read_selfie,
    refusals_of,
    rules_from_dicts,
    rules_to_dicts,
)
from avatar.selfies.rules import check_count

SAMPLES = sorted((Path(__file__).parents[3] / "docs" / "samples").glob("*.png"))
Array = NDArray[np.float32]


def photo(pixels: Array, side: int = 128, faces: tuple[Face, ...] | None = None) -> Photo:
    return Photo(width=side, height=side, pixels=pixels, faces=faces)


@pytest.fixture(scope="module")
def samples() -> list[Photo]:
    return [photo(read_selfie(path)) for path in SAMPLES]


def of_grey(value: NDArray[np.float64]) -> Array:
    return np.broadcast_to(value, (3, 128, 128)).astype(np.float32)


def names(photos: list[Photo]) -> list[tuple[int | None, str]]:
    return [(refusal.selfie, refusal.rule) for refusal in refusals_of(photos)]


# ---- measures, against values computed by hand


def test_luma_weighs_green_most() -> None:
    for channel, weight in enumerate((0.2126, 0.7152, 0.0722)):
        pixels = np.zeros((3, 128, 128), np.float32)
        pixels[channel] = 1
        assert measures(photo(pixels))["brightness"] == pytest.approx(weight, abs=1e-9)


def test_stripes_have_the_contrast_and_sharpness_that_follows() -> None:
    """Columns 0, 1, 0, 1, … have mean 1/2, deviation 1/2 and a Laplacian of 2 everywhere."""
    found = measures(photo(of_grey(np.arange(128) % 2)))
    assert found["brightness"] == pytest.approx(0.5)
    assert found["contrast"] == pytest.approx(0.5)
    assert found["sharpness"] == pytest.approx(2 / 0.5)


def test_a_slope_has_no_edges() -> None:
    found = measures(photo(of_grey(np.linspace(0, 1, 128))))
    assert found["sharpness"] < 1e-5 and found["contrast"] == pytest.approx(0.29, abs=0.01)


@pytest.mark.parametrize("value", [0.0, 0.1, 0.5, 1.0])
def test_one_colour_is_not_sharp(value: float) -> None:
    found = measures(photo(of_grey(np.full((128, 128), value))))
    assert found["contrast"] < 1e-6 and found["sharpness"] == 0


@given(st.floats(0.05, 1), st.floats(-0.2, 0.2))
def test_sharpness_does_not_depend_on_light(scale: float, offset: float) -> None:
    pixels = np.random.default_rng(0).random((3, 128, 128))
    lit = (scale * pixels + offset).astype(np.float32)
    assert measures(photo(lit))["sharpness"] == pytest.approx(
        measures(photo(pixels.astype(np.float32)))["sharpness"], rel=1e-3
    )


def test_the_shorter_side_counts() -> None:
    wide = Photo(width=300, height=200, pixels=of_grey(np.zeros(128)))
    assert measures(wide)["side"] == 200


def test_a_face_is_measured_by_the_shorter_side() -> None:
    face = Face(left=150, top=20, width=40, height=80)
    found = measures(Photo(width=300, height=200, pixels=of_grey(np.zeros(128)), faces=(face,)))
    assert found["faces"] == 1 and found["face_size"] == pytest.approx(0.2)
    assert found["face_offset"] == pytest.approx(math.hypot(170 - 150, 60 - 100) / 200)


def test_several_faces_or_none_have_no_size() -> None:
    face = Face(left=0, top=0, width=9, height=9)
    for faces in ((), (face, face)):
        found = measures(photo(of_grey(np.zeros(128)), faces=faces))
        assert found["faces"] == len(faces) and "face_size" not in found
    assert "faces" not in measures(photo(of_grey(np.zeros(128))))


def test_difference_is_a_mean_and_symmetric(samples: list[Photo]) -> None:
    one, other = samples[0].pixels, samples[1].pixels
    assert (
        difference(one, other)
        == difference(other, one)
        == pytest.approx(float(np.abs(one - other).mean()), abs=1e-5)
    )
    assert difference(one, one) == 0


def test_of_two_equal_earlier_ones_the_first_is_named(samples: list[Photo]) -> None:
    first, second, _ = samples
    assert nearest([second, first, first], first) == (0.0, 1)


# ---- refusals


def test_the_samples_pass(samples: list[Photo]) -> None:
    assert refusals_of(samples) == ()


@pytest.mark.parametrize("count", [0, 11, 1000])
def test_a_wrong_number_is_the_only_refusal(count: int) -> None:
    dark = photo(of_grey(np.zeros(128)))
    (refusal,) = refusals_of([dark] * count)
    assert (refusal.selfie, refusal.rule, refusal.value) == (None, "count", count)
    assert refusal.limit == (1 if count == 0 else 10)
    assert check_count(count) == (refusal,) and check_count(10) == check_count(1) == ()


def test_refusals_come_by_selfie_then_rule(samples: list[Photo]) -> None:
    grey = photo(of_grey(np.full((128, 128), 0.01)), side=100)
    assert names([samples[0], grey, samples[0]]) == [
        *((1, name) for name in ("side", "brightness", "contrast", "sharpness")),
        (2, "difference"),
    ]


def test_a_refusal_names_value_limit_and_the_earlier_selfie(samples: list[Photo]) -> None:
    (refusal,) = refusals_of([samples[1], samples[0], samples[0]])
    assert (refusal.selfie, refusal.earlier, refusal.value, refusal.limit) == (2, 1, 0.0, 0.04)
    assert refusal.message.startswith("difference is 0, expected at least 0.04")
    assert "\n" not in refusal.message


@given(st.floats(-1, 2), st.floats(0, 1), st.floats(0, 1))
def test_limits_themselves_are_allowed(value: float, low: float, more: float) -> None:
    rule = Rule(name="x", min=low, max=low + more, about="")
    inside = low <= value <= low + more
    assert (rule.broken_by(value) is None) == inside
    assert rule.broken_by(low) is rule.broken_by(low + more) is None


def test_nan_is_refused() -> None:
    assert Rule(name="x", min=0.0, about="").broken_by(math.nan) == 0.0


def test_rules_are_data_and_can_be_replaced(samples: list[Photo]) -> None:
    assert rules_from_dicts(rules_to_dicts(RULES)) == RULES
    strict = (Rule(name="brightness", min=0.99, about=""),)
    assert [refusal.selfie for refusal in refusals_of(samples, strict)] == [0, 1, 2]


# ---- limits: rendered selfies pass, spoiled ones do not


def spoiled(pixels: Array) -> dict[str, Array]:
    image = Image.fromarray((pixels.transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8))
    blurred = prepare_selfie(image.filter(ImageFilter.GaussianBlur(3)))
    return {
        "brightness": (pixels * 0.15).astype(np.float32),
        "contrast": (0.5 + 0.1 * (pixels - 0.5)).astype(np.float32),
        "sharpness": blurred,
        "difference": np.clip(pixels + np.float32(0.02), 0, 1),
    }


@pytest.mark.slow
def test_rendered_selfies_pass_and_spoiled_ones_do_not() -> None:
    """docs/selfies.md has the figures of 2,000 selfies; these are twenty others."""
    people = [sample_identity(seed) for seed in range(900, 910) for _ in range(2)]
    selfies = render(people, range(70_000, 70_020))
    for first, second in zip(selfies[::2], selfies[1::2], strict=True):
        assert names([photo(first), photo(second)]) == []
    for pixels in selfies:
        for rule, changed in spoiled(pixels).items():
            assert (1, rule) in names([photo(pixels), photo(changed)]), rule
