from __future__ import annotations

from collections import Counter

import pytest

from avatar.people import STYLES, sample_identity
from eval.cases import MODES, Mode
from eval.pipelines.avatar import SelfieSet
from eval.pipelines.avatar.invariances import invariance_runs
from eval.pipelines.avatar.plan import FIRST_PERSON, TONES, plan

NAMES = tuple(style.name for style in STYLES)
STEPS = (2, 1, 4)


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_every_style_number_of_selfies_and_table_occurs(mode: Mode) -> None:
    cases = plan(mode, NAMES, STEPS)
    assert {run.style for run in cases.spread if run.steps == 2} == set(NAMES)
    assert {run.style for run in cases.judged} == set(NAMES)
    assert {run.steps for run in cases.spread} == set(STEPS)
    counts = {len(selfies.slots) for selfies in cases.encoded}
    assert counts == set(range(11)), "the null identity, and 1 to 10 selfies"
    masks = [selfies.slots for selfies in cases.encoded]
    assert any(slots != tuple(range(len(slots))) for slots in masks), "a mask with gaps"
    assert len({run.seed for run in cases.judged}) == len(cases.judged)
    assert min(run.selfies.person for run in cases.runs) >= FIRST_PERSON
    assert max(run.selfies.person for run in cases.runs) < 100_000, "held out from training"


def test_quick_has_every_skin_tone_and_timestep() -> None:
    cases = plan(MODES["quick"], NAMES, STEPS)
    tones = {sample_identity(run.selfies.person).skin_tone for run in cases.runs}
    assert tones == set(TONES)
    assert len(cases.runs) == len(NAMES) + len(STEPS) - 1


def test_the_default_has_every_skin_tone_in_every_style_and_table() -> None:
    cases = plan(MODES["default"], NAMES, STEPS)
    shown = {(sample_identity(run.selfies.person).skin_tone, run.style) for run in cases.judged}
    assert shown == {(tone, style) for tone in TONES for style in NAMES}
    assert {(run.style, run.steps) for run in cases.spread} == {
        (style, steps) for style in NAMES for steps in STEPS
    }


def test_a_full_evaluation_has_thousands_and_the_default_ones_among_them() -> None:
    full, default = plan(MODES["full"], NAMES, STEPS), plan(MODES["default"], NAMES, STEPS)
    assert len(full.judged) == MODES["full"].people * MODES["full"].copies * len(NAMES) > 2000
    assert set(default.runs) <= set(full.runs)
    sets = Counter((run.selfies.person, run.style) for run in full.judged)
    assert set(sets.values()) == {2}, "diversity is the distance between two of one person"


def test_the_same_arguments_give_the_same_cases_and_others_other_ones() -> None:
    assert plan(MODES["quick"], NAMES, STEPS) == plan(MODES["quick"], NAMES, STEPS)
    digests = {
        plan(MODES[mode], NAMES, steps).digest
        for mode in ("quick", "default")
        for steps in (STEPS, (2,))
    }
    assert len(digests) == 4


def test_styles_of_ones_own() -> None:
    cases = plan(MODES["default"], ("mine", "yours"), (3,))
    assert {run.style for run in cases.spread} == {"mine", "yours"}
    assert {len(selfies.slots) for selfies in cases.encoded} == set(range(11))


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("places", [1, 2, 3, 4, 12])
def test_no_case_has_more_selfies_than_the_model_has_places(mode: Mode, places: int) -> None:
    cases = plan(mode, ("mine", "yours"), (4, 2), places=places)
    used = {slot for selfies in cases.encoded for slot in selfies.slots}
    assert used == set(range(places))
    assert {len(selfies.slots) for selfies in cases.encoded} == set(range(places + 1))
    tried = invariance_runs(cases.spread, 4, places)
    assert tried and all(len(run.selfies.slots) < max(places, 2) for run in tried)
    if places > 2:
        assert all(len(run.selfies.slots) > 1 for run in tried), "an order can change"


def test_people_with_fewer_selfies_show_what_they_have() -> None:
    people = (SelfieSet.first(0, 2, "a"), SelfieSet.first(1, 1, "b"))
    cases = plan(MODES["default"], ("mine", "yours"), (3,), people=people)
    assert {run.selfies.person for run in cases.runs} == {0, 1}
    assert {(s.person, len(s.slots)) for s in cases.encoded} == {(0, 0), (0, 1), (0, 2), (1, 1)}
    other = plan(MODES["default"], ("mine", "yours"), (3,), people=people[:1])
    assert cases.digest != other.digest, "a baseline of other pictures is refused"


@pytest.mark.parametrize(
    ("mode", "digest"),
    [
        ("quick", "6821579bbc476b6cf80dfd830c2338f2a9fcaf67bc4bdd71cbbf1884d0e2584a"),
        ("default", "03f925eb3b576fcbf6092fb00937870d9ac448c78afe60c5ff9e08bba328d6fb"),
        ("full", "b83b027eb32377f170d01701f30aef47104df82735dd7a2958495b5ccf93dff5"),
    ],
)
def test_the_digests_of_earlier_reports_still_hold(mode: str, digest: str) -> None:
    """A baseline is refused where the digest of the cases differs."""
    assert plan(MODES[mode], ("a", "b", "c", "d", "e", "f"), (4, 2, 8)).digest == digest
