"""Personas' haircuts and shadows; the laws of every style are in test_styles.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar.people import (
    ATTRIBUTES,
    HAIR_COLORS,
    Identity,
    draw,
    draw_options,
    drawn_labels,
    sample_identity,
)
from avatar.people.styles._definition import definition
from avatar.people.styles.personas import BEARDS, CLOTHES, EYES, HAIR, MOUTHS, NOSES

PLAIN = {"glasses": "none", "facial_hair": "none", "age": "young"}


def plain(seed: int = 5, **attributes: str) -> Identity:
    return replace(sample_identity(seed), **{**PLAIN, "skin_tone": "tone_4", **attributes})


def changed(one: Identity, other: Identity) -> int:
    """Pixels in which the drawings of two people visibly differ."""
    pictures = [draw(person, "personas", 3).astype(int) for person in (one, other)]
    return int((np.abs(pictures[0] - pictures[1]).max(axis=2) > 8).sum())


def test_only_merged_classes_share_haircuts() -> None:
    assert set(HAIR) == set(ATTRIBUTES["hair_class"]) - {"headscarf"}
    merged = {"long_wavy", "side_part"}
    cuts = [cut for name, variants in HAIR.items() if name not in merged for cut in variants]
    assert len(cuts) == len(set(cuts))
    assert HAIR["long_wavy"] == HAIR["long_straight"]
    assert HAIR["side_part"] == HAIR["short_straight"]


def test_every_variant_named_is_in_the_definition() -> None:
    parts = definition("personas")["components"]
    tables = {"hair": HAIR.values(), "facialHair": BEARDS.values(), "eyes": EYES.values()}
    lists = {"mouth": [MOUTHS], "nose": [(*NOSES, "wrinkles")], "clothes": [CLOTHES]}
    for part, groups in {**tables, **lists}.items():
        used = {variant for group in groups for variant in group} - {None}
        assert used <= set(parts[part]["variants"]), part


def test_a_person_has_one_haircut_and_a_class_several() -> None:
    person = plain(hair_class="bun")
    assert len({str(draw_options(person, "personas", s)["hairVariant"]) for s in range(20)}) == 1
    people = (plain(seed, hair_class="bun") for seed in range(30))
    cuts = {str(draw_options(p, "personas", 0)["hairVariant"]) for p in people}
    assert cuts == {f"['{cut}']" for cut in HAIR["bun"]}


@pytest.mark.parametrize("hair_class", ["bald", "buzz"])
@pytest.mark.parametrize("facial_hair", ["none", "stubble"])
def test_hair_color_is_hidden_where_hair_is_a_shadow(hair_class: str, facial_hair: str) -> None:
    bare = plain(hair_class=hair_class, facial_hair=facial_hair)
    people = [replace(bare, hair_color=color) for color in HAIR_COLORS]
    assert all("hair_color" not in drawn_labels(person, "personas") for person in people)
    first, *others = (draw(person, "personas", 1) for person in people)
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("tone", ["tone_1", "tone_8"])
@pytest.mark.parametrize("hair_color", ["black", "white"])
def test_shadows_show_on_every_skin_for_every_hair(tone: str, hair_color: str) -> None:
    bald = plain(skin_tone=tone, hair_color=hair_color, hair_class="bald")
    assert changed(bald, replace(bald, hair_class="buzz")) > 1000
    assert changed(bald, replace(bald, facial_hair="stubble")) > 1000


@pytest.mark.parametrize("facial_hair", ATTRIBUTES["facial_hair"])
def test_wrinkles_show_beside_every_beard(facial_hair: str) -> None:
    young = plain(facial_hair=facial_hair)
    assert changed(young, replace(young, age="old")) >= 40
