"""Pixel Art's haircuts and grid; the laws of every style are in test_styles.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar.people import (
    ATTRIBUTES,
    EYE_COLORS,
    Identity,
    draw,
    draw_options,
    drawn_labels,
    sample_identity,
)
from avatar.people.styles._definition import definition
from avatar.people.styles.pixel_art import BEARDS, CLOTHES, EYES, GLASSES, HAIR, MOUTHS

PLAIN = {"glasses": "none", "facial_hair": "none", "freckles": "no", "earrings": "no"}


def plain(seed: int = 5, **attributes: str) -> Identity:
    return replace(sample_identity(seed), **{**PLAIN, "skin_tone": "tone_4", **attributes})


def changed_squares(one: Identity, other: Identity) -> int:
    """Squares of the grid in which the drawings of two people differ."""
    pictures = [draw(person, "pixel-art", 3)[8::16, 8::16].astype(int) for person in (one, other)]
    return int((np.abs(pictures[0] - pictures[1]).max(axis=2) > 8).sum())


def test_only_long_hair_is_shared_by_two_classes() -> None:
    assert set(HAIR) == set(ATTRIBUTES["hair_class"]) - {"headscarf"}
    cuts = [cut for name, variants in HAIR.items() if name != "long_wavy" for cut in variants]
    assert len(cuts) == len(set(cuts))
    assert HAIR["long_wavy"] == HAIR["long_straight"]


def test_every_variant_named_is_in_the_definition() -> None:
    parts = definition("pixel-art")["components"]
    tables = {"hair": HAIR.values(), "beard": BEARDS.values(), "glasses": GLASSES.values()}
    lists = {"eyes": [EYES], "mouth": [MOUTHS], "clothes": [CLOTHES]}
    for part, groups in {**tables, **lists}.items():
        used = {variant for group in groups for variant in group} - {None}
        assert used <= set(parts[part]["variants"]), part


def test_a_person_has_one_haircut_and_one_eye_color() -> None:
    person = plain(hair_class="bob")
    options = [draw_options(person, "pixel-art", seed) for seed in range(20)]
    assert len({str(o["hairVariant"]) for o in options}) == 1
    assert {str(o["eyesColor"]) for o in options} == {str([EYE_COLORS[person.eye_color]])}


@pytest.mark.parametrize("seed", range(6))
def test_every_pixel_of_the_art_is_a_square_of_one_color(seed: int) -> None:
    person = plain(seed, hair_class="afro", glasses="sunglasses", facial_hair="full")
    cells = draw(person, "pixel-art", seed).astype(int).reshape(16, 16, 16, 16, 3)
    assert np.ptp(cells, axis=(1, 3)).max() <= 2


@pytest.mark.parametrize("hair_class", list(HAIR))
def test_earrings_show_unless_the_table_hides_them(hair_class: str) -> None:
    person = plain(hair_class=hair_class)
    if "earrings" in drawn_labels(person, "pixel-art"):
        assert changed_squares(person, replace(person, earrings="yes")) >= 2


@pytest.mark.parametrize("hair_color", ["black", "blond", "white"])
@pytest.mark.parametrize("facial_hair", ["goatee", "full"])
def test_a_beard_of_any_color_shows(hair_color: str, facial_hair: str) -> None:
    shaved = plain(hair_class="buzz", hair_color=hair_color)
    assert changed_squares(shaved, replace(shaved, facial_hair=facial_hair)) >= 8
