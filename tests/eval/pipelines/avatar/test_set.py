from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar.judge import Judge, Judgement, load_judge
from avatar.people import STYLES, sample_identity
from eval.cases import MODES
from eval.gates import of_tier
from eval.levels import Scope
from eval.pipelines.avatar import AvatarCase, SelfieSet, judging
from eval.pipelines.avatar import set as level
from eval.pipelines.avatar.plan import plan
from eval.schema import Row

NAMES = tuple(style.name for style in STYLES)
SCOPE = Scope(artifact="an-artifact", level="set", runtime="onnx", gates=of_tier("fp16"))
RUNS = plan(MODES["default"], NAMES, (2,)).judged
SECOND = tuple(replace(run, seed=run.seed + 1) for run in RUNS)
DROPS = {"accuracy_drop", "kind_drop", "tone_accuracy_drop"}


@pytest.fixture(scope="session")
def judge() -> Judge:
    return load_judge()


@pytest.fixture(scope="session")
def drawn(judge: Judge) -> Judgement:
    """Two designers' drawings of each of eight people in each style."""
    return judging.joined([judging.see_drawings(judge, runs) for runs in (RUNS, SECOND)])


def of(rows: list[Row], metric: str) -> float:
    return max(row.value for row in rows if row.metric == metric)


def test_the_same_pictures_lose_nothing(drawn: Judgement) -> None:
    first = drawn[np.arange(len(RUNS))]
    rows = level.rows(SCOPE, RUNS, first, first)
    assert {row.metric for row in rows} == DROPS and all(row.value == 0 for row in rows)
    assert len([row for row in rows if row.metric == "tone_accuracy_drop"]) == 8
    full = level.full_rows(SCOPE, RUNS + SECOND, drawn, drawn, drawn)
    assert of(full, "retrieval_drop") == of(full, "diversity_drop") == 0
    assert of(full, "frechet") == pytest.approx(0, abs=1e-6)
    assert all(row.verdict == "passed" for row in rows + full if row.limit is not None)


def test_another_persons_avatars_lose_attributes_and_people_but_no_style(drawn: Judgement) -> None:
    people = np.arange(len(RUNS)).reshape(-1, len(NAMES))
    order = np.roll(people, 1, axis=0).ravel()
    rows = level.rows(SCOPE, RUNS, drawn[np.arange(len(RUNS))], drawn[order])
    assert of(rows, "kind_drop") == 0 and of(rows, "accuracy_drop") > 0.1
    both = np.concatenate([order, order + len(RUNS)])
    full = level.full_rows(SCOPE, RUNS + SECOND, drawn, drawn, drawn[both])
    assert of(full, "retrieval_drop") > 0.9 and of(full, "diversity_drop") == 0


def test_avatars_in_another_style_lose_their_kind(drawn: Judgement) -> None:
    people = np.arange(len(RUNS)).reshape(-1, len(NAMES))
    order = np.roll(people, 1, axis=1).ravel()
    rows = level.rows(SCOPE, RUNS, drawn[np.arange(len(RUNS))], drawn[order])
    assert of(rows, "kind_drop") > 0.9


def test_a_loss_is_told_for_the_skin_tone_that_has_it(drawn: Judgement) -> None:
    order = np.arange(len(RUNS))
    order[: len(NAMES)] = order[len(NAMES) : 2 * len(NAMES)]  # the first person becomes the second
    rows = level.rows(SCOPE, RUNS, drawn[np.arange(len(RUNS))], drawn[order])
    tones = {row.where.detail: row.value for row in rows if row.metric == "tone_accuracy_drop"}
    mine = sample_identity(RUNS[0].selfies.person).skin_tone
    assert tones.pop(f"skin tone {mine}") > 0.1
    assert set(tones.values()) == {0.0}


def test_a_seed_that_changes_nothing_loses_all_diversity(drawn: Judgement) -> None:
    once = np.tile(np.arange(len(RUNS)), 2)
    rows = level.full_rows(SCOPE, RUNS + SECOND, drawn, drawn, drawn[once])
    assert of(rows, "diversity_drop") == 1 and of(rows, "diversity") == 0
    (row,) = (row for row in rows if row.metric == "diversity_drop")
    assert row.verdict == "failed"


def test_few_pictures_are_shown_and_not_gated(drawn: Judgement) -> None:
    few = np.arange(6)
    rows = level.rows(SCOPE, RUNS[:6], drawn[few], drawn[few])
    assert rows and all(row.limit is None for row in rows)


def test_styles_of_ones_own_cannot_be_judged() -> None:
    mine = AvatarCase(selfies=SelfieSet.first(50_000, 3), style="mine", seed=1, steps=2)
    assert level.can_be_judged(RUNS) and not level.can_be_judged((*RUNS, mine))
