"""Each score by itself: laws, and values computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avatar.errors import CheckpointError
from avatar.judge import (
    CLASS_COUNTS,
    KINDS,
    Judge,
    Judgement,
    attributes_right,
    diversity,
    frechet_distance,
    judge_images,
    load_judge,
    retrieval,
    same_person,
)
from avatar.people import (
    ATTRIBUTES,
    DISTRIBUTIONS,
    STYLES,
    Identity,
    can_draw,
    drawn_labels,
    sample_identity,
)

LORELEI = 0


def certain(people: list[Identity], styles: np.ndarray) -> Judgement:
    """A judgement that is certain and right, also about what a style does not show."""
    probabilities = {"kind": np.eye(len(KINDS), dtype=np.float32)[styles]}
    for name, classes in ATTRIBUTES.items():
        labels = [person.labels[name] for person in people]
        probabilities[name] = np.eye(len(classes), dtype=np.float32)[labels]
    features = np.zeros((len(people), 2), np.float32)
    return Judgement(features=features, probabilities=probabilities)


def uncertain(count: int) -> Judgement:
    """A judgement with the prior distributions, as of pictures that show nothing."""
    probabilities = {"kind": np.full((count, len(KINDS)), 1 / len(KINDS), np.float32)}
    for name, shares in DISTRIBUTIONS.items():
        probabilities[name] = np.tile(np.array(list(shares.values()), np.float32), (count, 1))
    return Judgement(features=np.zeros((count, 2), np.float32), probabilities=probabilities)


def test_a_certain_judgement_is_right_wherever_a_style_shows_an_attribute() -> None:
    pairs = [
        (sample_identity(seed), style)
        for seed in range(40)
        for style in range(len(STYLES))
        if can_draw(sample_identity(seed), STYLES[style].name)
    ]
    people, styles = [person for person, _ in pairs], np.array([style for _, style in pairs])
    right = attributes_right(certain(people, styles), people, styles)
    assert right["kind"].all()
    for name in ATTRIBUTES:
        shown = [name in drawn_labels(person, STYLES[style].name) for person, style in pairs]
        assert np.array_equal(~np.isnan(right[name]), shown), name
        assert (right[name][shown] == 1).all(), name


def test_probabilities_of_classes_that_a_style_merges_are_added() -> None:
    """Lorelei draws no beard, stubble and a moustache alike: together they outweigh a goatee."""
    person = next(
        sample_identity(seed)
        for seed in range(99)
        if sample_identity(seed).facial_hair == "stubble"
        and can_draw(sample_identity(seed), "lorelei")
    )
    seen = certain([person], np.array([LORELEI]))
    classes = ATTRIBUTES["facial_hair"]
    likely = {"none": 0.2, "stubble": 0.2, "moustache": 0.2, "goatee": 0.4}
    seen.probabilities["facial_hair"][0] = [likely.get(name, 0) for name in classes]
    assert attributes_right(seen, [person], np.array([LORELEI]))["facial_hair"] == 1


def test_only_certain_judgements_tell_people_apart() -> None:
    people = [sample_identity(seed) for seed in range(100)]
    one, other = certain(people, np.zeros(100, int)), certain(people, np.ones(100, int))
    np.testing.assert_allclose(same_person(uncertain(5), one), 0, atol=1e-4)
    assert retrieval(uncertain(100), other).mean() == 0
    labels = [tuple(person.labels.values()) for person in people]
    unique = [labels.count(label) == 1 for label in labels]
    np.testing.assert_array_equal(retrieval(one, other), unique)


def test_one_known_attribute_gives_the_odds_computed_by_hand() -> None:
    first, second = uncertain(1), uncertain(1)
    for seen in (first, second):
        seen.probabilities["freckles"][0] = [0, 1]
    expected = np.log(1 / DISTRIBUTIONS["freckles"]["yes"])
    assert same_person(first, second)[0, 0] == pytest.approx(expected, abs=1e-4)


def test_frechet_distance_of_two_normal_distributions_by_hand() -> None:
    """For independent features: the squared differences of means and of deviations, added up."""
    rng = np.random.default_rng(0)
    first = rng.standard_normal((200_000, 2)) * [1, 2] + [0, 0]
    second = rng.standard_normal((200_000, 2)) * [3, 2] + [1, 0]
    assert frechet_distance(first, second) == pytest.approx(1 + 4, rel=0.02)


@given(st.integers(0, 1000))
def test_frechet_distance_is_a_distance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((2, 30, 4)) @ rng.standard_normal((4, 4))
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(first, second) == pytest.approx(
        frechet_distance(second, first), rel=1e-6
    )
    assert frechet_distance(first + 3, second + 3) == pytest.approx(
        frechet_distance(first, second), rel=1e-6
    )


def test_diversity_is_within_sets_only() -> None:
    features = np.array([[0, 0], [3, 4], [100, 0], [100, 1]])
    assert diversity(features, np.array([0, 0, 1, 1])) == pytest.approx((5 + 1) / 2)


def test_the_judge_reads_both_sizes_and_can_be_saved(tmp_path: object) -> None:
    torch.manual_seed(0)
    judge = Judge(widths=(4, 4, 4, 4, 4, 4), feature_width=8)
    small = torch.rand(3, 3, 128, 128)
    large = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    seen = judge_images(judge, small)
    assert seen.features.shape == (3, 8)
    assert [table.shape[1] for table in seen.probabilities.values()] == list(CLASS_COUNTS)
    for table in seen.probabilities.values():
        np.testing.assert_allclose(table.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(judge_images(judge, large).features, seen.features, atol=1e-5)
    judge.save_pretrained(tmp_path)
    again = judge_images(load_judge(tmp_path), small)  # type: ignore[arg-type]
    np.testing.assert_allclose(again.features, seen.features, atol=1e-6)


def test_a_judge_of_another_shape_is_one_clear_line(tmp_path: Path) -> None:
    Judge(widths=(4, 4, 4, 4, 4), feature_width=8).save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"feature_width": 8', '"feature_width": 9'))
    with pytest.raises(CheckpointError, match="no judge that can be opened") as failed:
        load_judge(tmp_path)
    assert "\n" not in str(failed.value)
