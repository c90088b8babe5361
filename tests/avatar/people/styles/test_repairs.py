"""The corrections of definition files change what they say and nothing else."""

from __future__ import annotations

import colorsys
import json
from dataclasses import replace

import numpy as np
import pytest

from avatar.people import STYLES, Identity, draw, sample_identity
from avatar.people.styles._definition import definition
from avatar.people.styles._repairs import repaired

PLAIN = {"glasses": "none", "facial_hair": "none", "age": "young", "hair_class": "buzz"}
MENDED = {"lorelei", "pixel-art", "personas"}


def plain(**attributes: str) -> Identity:
    return replace(sample_identity(5), **{**PLAIN, **attributes})


@pytest.mark.parametrize("style", [style.name for style in STYLES])
def test_the_original_definition_is_not_changed(style: str) -> None:
    before = json.dumps(definition(style))
    mended = repaired(style, definition(style))
    assert json.dumps(definition(style)) == before
    assert (json.dumps(mended) != before) == (style in MENDED)


def test_of_lorelei_only_the_bald_head_changes() -> None:
    old, new = definition("lorelei"), repaired("lorelei", definition("lorelei"))
    hair = new["components"]["hair"]["variants"]
    assert [element["name"] for element in hair["variant34"]["elements"]] == ["head"]
    hair["variant34"] = old["components"]["hair"]["variants"]["variant34"]
    assert new == old


def test_of_pixel_art_only_the_beards_change() -> None:
    old, new = definition("pixel-art"), dict(repaired("pixel-art", definition("pixel-art")))
    parts = old["components"]
    assert [part for part in parts if new["components"][part] != parts[part]] == ["beard"]
    assert {**new, "components": None} == {**old, "components": None}


def test_a_black_beard_shows_as_well_as_a_white_one() -> None:
    for color in ("black", "white"):
        shaved = plain(skin_tone="tone_4", hair_color=color)
        bearded = replace(shaved, facial_hair="full")
        one, other = (draw(p, "pixel-art", 0).astype(int) for p in (shaved, bearded))
        assert (np.abs(one - other).max(axis=2) > 40).mean() > 0.04, color


def test_dark_faces_of_personas_keep_their_hue() -> None:
    picture = draw(plain(skin_tone="tone_7"), "personas", 0)
    # Between the eyes and the mouth, beside the nose.
    r, g, b = (int(v) / 255 for v in np.median(picture[118:140, 96:112].reshape(-1, 3), axis=0))
    hue, _, saturation = colorsys.rgb_to_hls(r, g, b)
    assert 0.02 < hue < 0.1
    # Without the correction plain white leaves 0.17.
    assert saturation > 0.35


def test_personas_keeps_all_its_shapes_and_blends() -> None:
    old, new = definition("personas"), repaired("personas", definition("personas"))
    for word in ('"d":', "mix-blend-mode", '"opacity"', '"color"'):
        assert json.dumps(old).count(word) == json.dumps(new).count(word), word
