"""The whole judgement: laws, and the sums by hand."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
import pytest

from avatar.judge import KINDS, Asked, Examiner, Judgement
from avatar.people import ATTRIBUTES, STYLES, can_draw, drawn_labels, sample_identity

PEOPLE = [sample_identity(seed) for seed in range(30)]
ROWS = [
    (owner, style, copy)
    for owner, person in enumerate(PEOPLE)
    for style in range(len(STYLES))
    if can_draw(person, STYLES[style].name)
    for copy in range(2)
]


@pytest.fixture(scope="module")
def asked() -> Asked:
    owners, styles, copies = np.array(ROWS).T
    return Asked(people=PEOPLE, owners=owners, styles=styles, copies=copies)


def seen(asked: Asked, seed: int, wrong: Container[str] = ()) -> Judgement:
    """Of one who is certain of everything, and always mistaken about the attributes `wrong`."""
    tables = {"kind": np.eye(len(KINDS), dtype=np.float32)[asked.styles]}
    for name, classes in ATTRIBUTES.items():
        labels = np.array([PEOPLE[owner].labels[name] for owner in asked.owners])
        shift = len(classes) // 2 if name in wrong else 0
        tables[name] = np.eye(len(classes), dtype=np.float32)[(labels + shift) % len(classes)]
    features = np.random.default_rng(seed).standard_normal((len(asked), 4), np.float32)
    return Judgement(features=features, probabilities=tables)


def test_the_drawings_themselves_reach_everything(asked: Asked) -> None:
    drawn = seen(asked, 0)
    scores = Examiner(asked, drawn).scores(drawn)
    assert scores.pictures == len(ROWS) and scores.frechet == pytest.approx(0, abs=1e-6)
    assert scores.accuracy == 1 and set(scores.attributes.values()) == {1}


def test_accuracy_counts_every_attribute_that_is_shown_once(asked: Asked) -> None:
    scores = Examiner(asked, seen(asked, 0)).scores(seen(asked, 1, wrong=["skin_tone"]))
    assert scores.attributes["skin_tone"] == 0 and scores.attributes["glasses"] == 1
    shown = [drawn_labels(PEOPLE[owner], STYLES[style].name) for owner, style, _ in ROWS]
    total = sum(len(labels) for labels in shown)
    missed = sum("skin_tone" in labels for labels in shown)
    assert scores.accuracy == pytest.approx(1 - missed / total)


def test_groups_share_all_pictures_out_among_them(asked: Asked) -> None:
    examiner = Examiner(asked, seen(asked, 0))
    known = seen(asked, 1, wrong=["hair_color"])
    whole, groups = examiner.scores(known), examiner.by_group(known)
    for attribute, scored in groups.items():
        assert set(scored) <= set(ATTRIBUTES[attribute])
        assert sum(scores.pictures for scores in scored.values()) == len(ROWS)
        found = [scores.attributes["hair_class"] for scores in scored.values()]
        assert whole.attributes["hair_class"] == pytest.approx(np.mean(found))


def test_who_is_mistaken_finds_fewer_people(asked: Asked) -> None:
    examiner = Examiner(asked, seen(asked, 0))
    right = examiner.scores(seen(asked, 1)).retrieval
    wrong = examiner.scores(
        seen(asked, 1, wrong=["skin_tone", "hair_class", "hair_color"])
    ).retrieval
    assert wrong < right


def test_a_person_whom_the_other_style_cannot_draw_is_not_asked_for(asked: Asked) -> None:
    examiner = Examiner(asked, seen(asked, 0))
    found = examiner.found(seen(asked, 1))
    for (owner, style, _), hit in zip(ROWS, found, strict=True):
        other = STYLES[(style + 1) % len(STYLES)].name
        assert np.isnan(hit) == (not can_draw(PEOPLE[owner], other))


def test_the_floor_is_the_distance_of_equal_halves(asked: Asked) -> None:
    """Features of both halves have one distribution, so the floor is near what chance leaves."""
    drawn = seen(asked, 0)
    floor = Examiner(asked, drawn).floor()
    moved = seen(asked, 1)
    assert (
        0
        < floor
        < Examiner(asked, drawn)
        .scores(Judgement(features=moved.features + 3, probabilities=moved.probabilities))
        .frechet
    )
