"""Every style draws the people that it can draw, shows what its table says, and is repeatable."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from dicebear import Avatar
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from resvg_py import svg_to_bytes

from avatar.people import (
    ATTRIBUTES,
    STYLES,
    Identity,
    can_draw,
    draw,
    draw_options,
    drawn_labels,
    sample_identity,
    style_named,
)
from avatar.people.errors import NotDrawnError, UnknownStyleError
from avatar.people.styles._choice import blend, shade
from avatar.people.styles._definition import compiled, definition
from avatar.people.styles._raster import _PICTURE_CLIP, rasterize
from avatar.people.styles._remix import with_hair_color
from avatar.people.styles._shown import table

NAMES = [style.name for style in STYLES]
JOKES = {
    "avataaars": {"eyepatch", "vomit", "hearts", "cry", "xDizzy", "bear", "winkWacky", "grimace"},
    "open-peeps": {"eyepatch", "bear", "cyclops", "monster", "respirator", "medicalMask"},
    "personas": {"pacifier", "beanie", "cap"},
}
seeds = st.integers(0, 2**32)
each_style = pytest.mark.parametrize("name", NAMES)


def bare(**attributes: str) -> Identity:
    """A person whose drawing hides as few attributes as possible."""
    values: dict[str, Any] = {
        "hair_class": "short_straight",
        "hair_color": "auburn",
        "skin_tone": "tone_3",
        "facial_hair": "none",
        "glasses": "none",
        "freckles": "no",
        "earrings": "no",
        "age": "young",
    }
    return replace(sample_identity(5), **{**values, **attributes})


def options_of(identity: Identity, name: str, seed: int) -> dict[str, object]:
    """Like `draw_options`, but the free choices depend on the seed alone."""
    module = import_module(f"avatar.people.styles.{name.replace('-', '_')}")
    options: dict[str, object] = module.options(identity, np.random.default_rng(seed))
    return options


def used_variants(options: dict[str, object]) -> dict[str, list[str]]:
    return {
        key.removesuffix("Variant"): list(value)  # type: ignore[call-overload]
        for key, value in options.items()
        if key.endswith("Variant")
    }


def test_styles_are_the_designers_own_in_the_models_order() -> None:
    assert NAMES == ["lorelei", "open-peeps", "pixel-art", "adventurer", "personas", "avataaars"]
    assert [style.tier for style in STYLES] == ["free"] * 3 + ["plus"] * 3
    assert {style.licence for style in STYLES[:3]} == {"CC0 1.0"}
    for style in STYLES:
        meta = definition(style.name)["meta"]
        assert (style.licence, style.licence_url) == (
            meta["license"]["name"],
            meta["license"]["url"],
        )
        assert (style.creator, style.source) == (meta["creator"]["name"], meta["source"]["name"])
        assert style_named(style.name) is style


def test_an_unknown_style_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownStyleError, match=r"'cubism'.*lorelei.*avataaars"):
        draw(sample_identity(0), "cubism", 0)


@each_style
@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_every_component_and_color_is_fixed(name: str, seed: int) -> None:
    person = sample_identity(seed)
    if not can_draw(person, name):
        return
    options = draw_options(person, name, seed)
    used = used_variants(options)
    for component, body in definition(name)["components"].items():
        if options[f"{component}Probability"] == 0:
            assert component not in used
            continue
        assert options[f"{component}Probability"] == 100
        (variant,) = used[component]
        assert variant in body["variants"]
        assert variant not in JOKES.get(name, set())
    colors = definition(name)["colors"]
    for color, body in colors.items():
        assert len(options.get(f"{color}Color", body["values"])) == 1  # type: ignore[arg-type]
    known = {f"{part}Variant" for part in used} | {f"{color}Color" for color in colors}
    known |= {f"{part}Probability" for part in definition(name)["components"]}
    assert set(options) <= known | {"backgroundColor", "flip", "rotate", "scale"}


@each_style
def test_the_table_has_every_attribute_and_every_class(name: str) -> None:
    section = table()[name]
    assert set(section) - {"not_drawn", "hidden"} == set(ATTRIBUTES)
    for attribute, classes in ATTRIBUTES.items():
        entry = section[attribute]
        if isinstance(entry, list):
            members = [member for group in entry for member in group]
            assert sorted(members) == sorted(classes)
            assert 1 < len(entry) < len(classes)
        else:
            assert entry in ("shown", "absent")
    conditions = list(section.get("not_drawn", []))
    for hidden, listed in section.get("hidden", {}).items():
        assert section[hidden] != "absent"
        conditions += listed
    for condition in conditions:
        for attribute, members in condition.items():
            assert set(members) <= set(ATTRIBUTES[attribute])


def test_the_tables_sections_are_the_styles() -> None:
    assert list(table()) == NAMES


@each_style
@settings(max_examples=60, deadline=None)
@given(seed=seeds, data=st.data())
def test_options_differ_exactly_where_the_table_says(
    name: str, seed: int, data: st.DataObject
) -> None:
    """Drawings of two people who differ in one attribute differ exactly where the table says so.

    The options of a hidden attribute are free: they may or may not differ.
    """
    attribute = data.draw(st.sampled_from(list(ATTRIBUTES)))
    one, other = data.draw(
        st.lists(st.sampled_from(ATTRIBUTES[attribute]), min_size=2, max_size=2, unique=True)
    )
    base = sample_identity(seed)
    changes: list[dict[str, Any]] = [{attribute: one}, {attribute: other}]
    people = [replace(base, **change) for change in changes]
    if not all(can_draw(person, name) for person in people):
        return
    labels = [drawn_labels(person, name).get(attribute) for person in people]
    first, second = (options_of(person, name, seed) for person in people)
    if table()[name][attribute] == "absent":
        assert labels == [None, None] and first == second
    elif None not in labels:
        assert (first == second) == (labels[0] == labels[1])


SHOWN = [
    (name, attribute)
    for name in NAMES
    for attribute in ATTRIBUTES
    if table()[name][attribute] != "absent"
]


@pytest.mark.parametrize(("name", "attribute"), SHOWN)
def test_shown_classes_can_be_seen(name: str, attribute: str) -> None:
    """Drawings of two classes differ in pixels, not only in options that something else covers."""
    pictures: dict[int, np.ndarray[Any, Any]] = {}
    for value in ATTRIBUTES[attribute]:
        person = bare(**{attribute: value})
        if can_draw(person, name):
            label = drawn_labels(person, name)[attribute]
            pictures.setdefault(label, draw(person, name, 3).astype(int))
    assert len(pictures) > 1
    labels = sorted(pictures)
    for label, following in pairwise(labels):
        changed = np.abs(pictures[label] - pictures[following]).max(axis=2) > 24
        assert changed.sum() >= 20, (label, following)


@pytest.mark.parametrize(
    ("name", "hiding", "attribute"),
    [
        ("adventurer", {"hair_class": "bald"}, "earrings"),
        ("adventurer", {"hair_class": "bob"}, "earrings"),
        ("adventurer", {"facial_hair": "moustache"}, "freckles"),
        ("adventurer", {"hair_class": "bald"}, "hair_color"),
        ("avataaars", {"hair_class": "headscarf"}, "hair_color"),
        ("open-peeps", {"hair_class": "headscarf"}, "hair_color"),
        ("open-peeps", {"hair_class": "bald"}, "hair_color"),
    ],
)
def test_hidden_attributes_cannot_be_seen(
    name: str, hiding: dict[str, str], attribute: str
) -> None:
    people = [bare(**hiding, **{attribute: value}) for value in ATTRIBUTES[attribute][:2]]
    assert attribute not in drawn_labels(people[0], name)
    assert np.array_equal(draw(people[0], name, 1), draw(people[1], name, 1))
    # The attribute is seen where nothing hides it.
    assert attribute in drawn_labels(bare(), name)


def test_a_beard_keeps_its_color_beside_a_headscarf() -> None:
    for name in ("avataaars", "open-peeps"):
        person = bare(hair_class="headscarf", facial_hair="full")
        assert drawn_labels(person, name)["hair_color"] == person.labels["hair_color"]


@each_style
def test_a_picture_is_opaque_and_depends_on_its_seed_only(name: str) -> None:
    person = bare(glasses="round")
    picture = draw(person, name, 7)
    assert picture.shape == (256, 256, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture, draw(person, name, 7))
    assert not np.array_equal(picture, draw(person, name, 8))


@each_style
def test_drawings_of_one_person_vary_in_free_choices_only(name: str) -> None:
    person = bare()
    drawn = [used_variants(draw_options(person, name, seed)) for seed in range(30)]
    varied = {part for part in drawn[0] if len({tuple(d.get(part, ())) for d in drawn}) > 1}
    assert varied <= {"eyes", "eyebrows", "mouth", "clothes", "expression"}
    assert varied
    backgrounds = {str(draw_options(person, name, seed)["backgroundColor"]) for seed in range(30)}
    assert len(backgrounds) > 3


@each_style
def test_people_alike_in_every_label_differ_in_haircut(name: str) -> None:
    labels: dict[str, Any] = {attribute: getattr(bare(), attribute) for attribute in ATTRIBUTES}
    people = [replace(sample_identity(seed), **labels) for seed in range(25)]
    cuts = {str(used_variants(options_of(person, name, 0))) for person in people}
    assert len(cuts) > 1


@each_style
def test_people_that_the_style_cannot_draw_are_refused(name: str) -> None:
    person = bare(hair_class="headscarf")
    if can_draw(person, name):
        assert drawn_labels(person, name)["hair_class"] == person.labels["hair_class"]
    else:
        with pytest.raises(NotDrawnError, match=f"{name}.*headscarf"):
            draw(person, name, 0)


def test_open_peeps_hair_has_a_color_of_its_own() -> None:
    source = definition("open-peeps")
    before = json.dumps(source)
    remixed = with_hair_color(source)
    assert json.dumps(source) == before
    heads, new = source["components"]["head"]["variants"], remixed["components"]["head"]["variants"]
    assert "headContrast" not in json.dumps(heads["afro"])
    assert "headContrast" in json.dumps(new["afro"])
    # Bald heads, and heads that the designer coloured, do not change.
    for variant in ("noHair1", "grayBun", "bangs"):
        assert new[variant] == heads[variant]
    assert remixed["components"]["accessories"] == source["components"]["accessories"]
    assert compiled("open-peeps").meta().creator().name() == "Pablo Stanley"


def test_colors_by_hand() -> None:
    assert shade("#804020", 0.5) == "#402010"
    assert blend("#000000", "#ff8040", 0.5) == "#804020"


@each_style
def test_drawing_without_the_clip_changes_antialiasing_only(name: str) -> None:
    """The clip is found and removed, and only antialiased edges differ."""
    options = options_of(bare(glasses="round"), name, 2)
    svg = str(Avatar(compiled(name), options))
    assert len(_PICTURE_CLIP.findall(svg)) == 1
    png = svg_to_bytes(svg_string=svg, width=256, height=256, skip_system_fonts=True)
    clipped = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    changed = np.abs(clipped - rasterize(name, options)).max(axis=2) > 8
    assert changed.mean() < 0.003
