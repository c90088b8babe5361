"""Lorelei's haircuts, by class; the laws of every style are in test_styles.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar.people import (
    ATTRIBUTES,
    HAIR_COLORS,
    SKIN_TONES,
    Identity,
    draw,
    draw_options,
    drawn_labels,
    sample_identity,
)
from avatar.people.styles._definition import definition
from avatar.people.styles.lorelei import BEARDS, EYES, GLASSES, HAIR, MOUTHS, NOSES

PLAIN = {"glasses": "none", "facial_hair": "none", "freckles": "no", "earrings": "no"}


def plain(seed: int = 5, **attributes: str) -> Identity:
    return replace(sample_identity(seed), **{**PLAIN, "skin_tone": "tone_4", **attributes})


def changed(one: Identity, other: Identity) -> int:
    """Pixels in which the drawings of two people visibly differ."""
    pictures = [draw(person, "lorelei", 3).astype(int) for person in (one, other)]
    return int((np.abs(pictures[0] - pictures[1]).max(axis=2) > 24).sum())


def test_every_class_but_the_headscarf_has_haircuts_of_its_own() -> None:
    assert set(HAIR) == set(ATTRIBUTES["hair_class"]) - {"headscarf"}
    cuts = [cut for variants in HAIR.values() for cut in variants]
    assert len(cuts) == len(set(cuts))


def test_every_variant_named_is_in_the_definition() -> None:
    parts = definition("lorelei")["components"]
    tables = {"hair": HAIR.values(), "beard": BEARDS.values(), "glasses": GLASSES.values()}
    lists = {"eyes": [EYES], "mouth": [MOUTHS], "nose": [NOSES]}
    for part, groups in {**tables, **lists}.items():
        used = {variant for group in groups for variant in group} - {None}
        assert used <= set(parts[part]["variants"]), part


def test_a_person_has_one_haircut_and_a_class_several() -> None:
    person = plain(hair_class="short_straight")
    assert len({str(draw_options(person, "lorelei", s)["hairVariant"]) for s in range(20)}) == 1
    people = (plain(seed, hair_class="short_straight") for seed in range(40))
    cuts = {str(draw_options(p, "lorelei", 0)["hairVariant"]) for p in people}
    assert cuts == {f"['{cut}']" for cut in HAIR["short_straight"]}


def test_a_bald_head_is_there_and_bare() -> None:
    picture = draw(plain(hair_class="bald", hair_color="ginger"), "lorelei", 0)
    skin = [int(SKIN_TONES["tone_4"][i : i + 2], 16) for i in (1, 3, 5)]
    hair = [int(HAIR_COLORS["ginger"][i : i + 2], 16) for i in (1, 3, 5)]
    assert (np.abs(picture.astype(int) - skin).max(axis=2) < 4).mean() > 0.15
    assert not (np.abs(picture.astype(int) - hair).max(axis=2) < 4).any()


@pytest.mark.parametrize("tone", ["tone_1", "tone_4", "tone_8"])
@pytest.mark.parametrize(("attribute", "value"), [("freckles", "yes"), ("glasses", "round")])
def test_small_things_show_on_every_skin(tone: str, attribute: str, value: str) -> None:
    person = plain(skin_tone=tone)
    assert changed(person, replace(person, **{attribute: value})) >= 40


@pytest.mark.parametrize("hair_class", list(HAIR))
def test_earrings_show_unless_the_table_hides_them(hair_class: str) -> None:
    person = plain(hair_class=hair_class)
    if "earrings" in drawn_labels(person, "lorelei"):
        assert changed(person, replace(person, earrings="yes")) >= 40
