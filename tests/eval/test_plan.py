from __future__ import annotations

from collections import Counter

import pytest

from avatar.people import STYLES, sample_identity
from eval.cases import Mode
from eval.plan import COPIES_IN_FULL, FIRST_PERSON, PEOPLE_IN_FULL, TONES, plan

NAMES = tuple(style.name for style in STYLES)
STEPS = (2, 1, 4)


@pytest.mark.parametrize("mode", ["quick", "default", "full"])
def test_every_style_number_of_selfies_and_table_occurs(mode: Mode) -> None:
    cases = plan(mode, NAMES, STEPS)
    assert {ask.style for ask in cases.spread if ask.steps == 2} == set(NAMES)
    assert {ask.style for ask in cases.judged} == set(NAMES)
    assert {ask.steps for ask in cases.spread} == set(STEPS)
    counts = {len(shown.places) for shown in cases.encoded}
    assert counts == set(range(11)), "the null identity, and 1 to 10 selfies"
    masks = [shown.places for shown in cases.encoded]
    assert any(places != tuple(range(len(places))) for places in masks), "a mask with gaps"
    assert len({ask.seed for ask in cases.judged}) == len(cases.judged)
    assert min(ask.shown.person for ask in cases.runs) >= FIRST_PERSON
    assert max(ask.shown.person for ask in cases.runs) < 100_000, "held out from training"


def test_quick_has_every_skin_tone_and_timestep() -> None:
    cases = plan("quick", NAMES, STEPS)
    tones = {sample_identity(ask.shown.person).skin_tone for ask in cases.runs}
    assert tones == set(TONES)
    assert len(cases.runs) == len(NAMES) + len(STEPS) - 1


def test_the_default_has_every_skin_tone_in_every_style_and_table() -> None:
    cases = plan("default", NAMES, STEPS)
    shown = {(sample_identity(ask.shown.person).skin_tone, ask.style) for ask in cases.judged}
    assert shown == {(tone, style) for tone in TONES for style in NAMES}
    assert {(ask.style, ask.steps) for ask in cases.spread} == {
        (style, steps) for style in NAMES for steps in STEPS
    }


def test_a_full_evaluation_has_thousands_and_the_default_ones_among_them() -> None:
    full, default = plan("full", NAMES, STEPS), plan("default", NAMES, STEPS)
    assert len(full.judged) == PEOPLE_IN_FULL * COPIES_IN_FULL * len(NAMES) > 2000
    assert set(default.runs) <= set(full.runs)
    sets = Counter((ask.shown.person, ask.style) for ask in full.judged)
    assert set(sets.values()) == {COPIES_IN_FULL}, "diversity is that of two of one person"


def test_the_same_arguments_give_the_same_cases_and_others_other_ones() -> None:
    assert plan("quick", NAMES, STEPS) == plan("quick", NAMES, STEPS)
    digests = {
        plan(mode, NAMES, steps).digest for mode in ("quick", "default") for steps in (STEPS, (2,))
    }
    assert len(digests) == 4


def test_styles_of_ones_own() -> None:
    cases = plan("default", ("mine", "yours"), (3,))
    assert {ask.style for ask in cases.spread} == {"mine", "yours"}
    assert {len(shown.places) for shown in cases.encoded} == set(range(11))
