"""A seed gives one person, and classes are as frequent as documented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.people import ATTRIBUTES, DISTRIBUTIONS, HAIR_COLORS, SKIN_TONES, sample_identity


@given(st.integers(0, 2**40))
def test_a_seed_is_a_person(seed: int) -> None:
    person = sample_identity(seed)
    assert person == sample_identity(seed)
    for name, label in person.labels.items():
        assert ATTRIBUTES[name][label] == getattr(person, name)


def test_palettes_cover_their_classes() -> None:
    assert tuple(SKIN_TONES) == ATTRIBUTES["skin_tone"]
    assert tuple(HAIR_COLORS) == ATTRIBUTES["hair_color"]
    assert len(ATTRIBUTES["skin_tone"]) >= 8 and len(ATTRIBUTES["hair_class"]) >= 12


def test_classes_are_as_frequent_as_documented_and_independent() -> None:
    people = [sample_identity(seed) for seed in range(3000)]
    labels = np.array([list(person.labels.values()) for person in people])
    for column, classes in zip(labels.T, DISTRIBUTIONS.values(), strict=True):
        shares = np.bincount(column, minlength=len(classes)) / len(people)
        # The tolerance is five standard deviations of a binomial share.
        expected = np.array(list(classes.values()))
        assert np.all(np.abs(shares - expected) < 5 * np.sqrt(expected / len(people)))
    correlation = np.corrcoef(labels.T) - np.eye(labels.shape[1])
    assert np.abs(correlation).max() < 5 / np.sqrt(len(people))


@pytest.mark.parametrize(
    "change", [{"hair_class": "mohawk"}, {"jaw_width": 1.5}, {"eye_color": "pink"}]
)
def test_values_outside_the_attributes_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(sample_identity(0), **change)
