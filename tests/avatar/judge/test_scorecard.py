"""Scores of many avatars: laws, and values computed by hand."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
import pytest

from avatar.judge import KINDS, AvatarTable, Judgement, Scorer
from avatar.people import ATTRIBUTES, STYLES, can_draw, drawn_labels, sample_identity

PEOPLE = [sample_identity(seed) for seed in range(30)]
ROWS = [
    (index, style, repeat)
    for index, person in enumerate(PEOPLE)
    for style in range(len(STYLES))
    if can_draw(person, STYLES[style].name)
    for repeat in range(2)
]


@pytest.fixture(scope="module")
def table() -> AvatarTable:
    persons, styles, repeats = np.array(ROWS).T
    return AvatarTable(people=PEOPLE, persons=persons, styles=styles, repeats=repeats)


def seen(table: AvatarTable, seed: int, wrong: Container[str] = ()) -> Judgement:
    """A judgement that is certain of everything, and wrong about the attributes in `wrong`."""
    tables = {"kind": np.eye(len(KINDS), dtype=np.float32)[table.styles]}
    for name, classes in ATTRIBUTES.items():
        labels = np.array([PEOPLE[person].labels[name] for person in table.persons])
        shift = len(classes) // 2 if name in wrong else 0
        tables[name] = np.eye(len(classes), dtype=np.float32)[(labels + shift) % len(classes)]
    features = np.random.default_rng(seed).standard_normal((len(table), 4), np.float32)
    return Judgement(features=features, probabilities=tables)


def test_the_drawings_themselves_get_the_best_scores(table: AvatarTable) -> None:
    drawn = seen(table, 0)
    scores = Scorer(table, drawn).scores(drawn)
    assert scores.pictures == len(ROWS) and scores.frechet == pytest.approx(0, abs=1e-6)
    assert scores.accuracy == 1 and set(scores.attributes.values()) == {1}


def test_accuracy_counts_every_attribute_that_is_shown_once(table: AvatarTable) -> None:
    scores = Scorer(table, seen(table, 0)).scores(seen(table, 1, wrong=["skin_tone"]))
    assert scores.attributes["skin_tone"] == 0 and scores.attributes["glasses"] == 1
    shown = [drawn_labels(PEOPLE[person], STYLES[style].name) for person, style, _ in ROWS]
    total = sum(len(labels) for labels in shown)
    missed = sum("skin_tone" in labels for labels in shown)
    assert scores.accuracy == pytest.approx(1 - missed / total)


def test_groups_divide_all_pictures_among_them(table: AvatarTable) -> None:
    scorer = Scorer(table, seen(table, 0))
    known = seen(table, 1, wrong=["hair_color"])
    whole, groups = scorer.scores(known), scorer.by_group(known)
    for attribute, scored in groups.items():
        assert set(scored) <= set(ATTRIBUTES[attribute])
        assert sum(scores.pictures for scores in scored.values()) == len(ROWS)
        found = [scores.attributes["hair_class"] for scores in scored.values()]
        assert whole.attributes["hair_class"] == pytest.approx(np.mean(found))


def test_wrong_readings_retrieve_fewer_people(table: AvatarTable) -> None:
    scorer = Scorer(table, seen(table, 0))
    right = scorer.scores(seen(table, 1)).retrieval
    wrong = scorer.scores(seen(table, 1, wrong=["skin_tone", "hair_class", "hair_color"])).retrieval
    assert wrong < right


def test_a_person_whom_the_other_style_cannot_draw_is_not_looked_for(table: AvatarTable) -> None:
    scorer = Scorer(table, seen(table, 0))
    found = scorer.retrieved(seen(table, 1))
    for (person, style, _), hit in zip(ROWS, found, strict=True):
        other = STYLES[(style + 1) % len(STYLES)].name
        assert np.isnan(hit) == (not can_draw(PEOPLE[person], other))


def test_the_floor_is_the_distance_of_equal_halves(table: AvatarTable) -> None:
    """Features of both halves have one distribution, so only chance separates them."""
    drawn = seen(table, 0)
    floor = Scorer(table, drawn).frechet_floor()
    moved = seen(table, 1)
    assert (
        0
        < floor
        < Scorer(table, drawn)
        .scores(Judgement(features=moved.features + 3, probabilities=moved.probabilities))
        .frechet
    )
