"""Which prompts, seeds and numbers of steps each mode has."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.diffusion.example import PROMPT
from components.diffusion.latent_diffusion import FEW, RECORDED, STEPS
from eval import SubjectError
from eval.cases import MODES, Mode
from eval.pipelines.latent_diffusion.cases import NEGATIVE, PROMPTS, plan
from eval.pipelines.latent_diffusion.kind import LatentDiffusionKind
from eval.reference import ArrayCache
from eval.request import Request

TABLES = (*STEPS, RECORDED)
OWN = ("a cat", "a dog", "a cow")


@pytest.mark.parametrize("steps", [TABLES, (*FEW, RECORDED)])
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_every_mode_begins_with_the_example_and_names_each_run_once(
    mode: Mode, steps: tuple[int, ...]
) -> None:
    cases = plan(mode, RECORDED, steps)
    first = cases.runs[0]
    assert (first.prompt, first.seed, first.steps) == (PROMPT, 0, RECORDED)
    assert len({str(run.where()) for run in cases.runs}) == len(cases.runs)
    assert sorted(run for batch in cases.batches for run in [r.key for r in batch]) == sorted(
        run.key for run in cases.runs
    )
    assert {run.steps for batch in cases.batches for run in batch} <= set(steps)
    assert all(len({run.steps for run in batch}) == 1 for batch in cases.batches)


def test_quick_is_the_example_alone() -> None:
    assert len(plan(MODES["quick"], RECORDED, TABLES).runs) == 1


def test_the_default_has_every_table_and_prompt_and_a_negative_prompt() -> None:
    cases = plan(MODES["default"], RECORDED, TABLES)
    assert {run.steps for run in cases.spread} == set(TABLES)
    assert len(cases.spread) == len(TABLES)
    assert {run.prompt for run in cases.runs} == {PROMPT, *PROMPTS}
    assert [run.negative for run in cases.runs if run.negative] == [NEGATIVE]
    assert len(plan(MODES["full"], RECORDED, TABLES).runs) > 8 * len(PROMPTS)


def test_ones_own_prompts_replace_the_built_in_ones() -> None:
    drawn = {run.prompt for run in plan(MODES["default"], RECORDED, TABLES, OWN).runs}
    assert drawn == {PROMPT, *OWN}
    assert [run.prompt for run in plan(MODES["quick"], RECORDED, TABLES, OWN).runs] == [
        PROMPT,
        OWN[0],
    ]


def test_other_prompts_have_another_digest() -> None:
    digests = {plan(MODES["default"], RECORDED, TABLES, own).digest for own in ((), OWN, OWN[:2])}
    assert len(digests) == 3


def test_selfies_are_refused(tmp_path: Path) -> None:
    request = Request(
        artifacts=(), checkpoint=tmp_path, selfies=tmp_path, out=tmp_path, cache=tmp_path
    )
    with pytest.raises(SubjectError, match="omit --selfies"):
        LatentDiffusionKind(request, ArrayCache(tmp_path)).cases(None)  # type: ignore[arg-type]  # no model is looked at
