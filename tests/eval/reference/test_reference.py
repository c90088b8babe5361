"""The reference's recorded calls against the components themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import components
from components.reference import runner
from eval import SubjectError
from eval.pipelines.avatar import AvatarCases
from eval.pipelines.avatar.kind import AvatarKind
from eval.reference import ArrayCache, RecordedRun, Reference
from tests.exports import Exports


@pytest.fixture(scope="module")
def reference(
    exports: Exports, avatars: AvatarKind, tmp_path_factory: pytest.TempPathFactory
) -> Reference:
    cache = ArrayCache(tmp_path_factory.mktemp("reference"))
    return Reference(
        "reference", components.load(exports.checkpoint("avatar")), cache, avatars.model
    )


@pytest.fixture(scope="module")
def cases(reference: Reference, avatars: AvatarKind) -> AvatarCases:
    return avatars.cases(reference.model)


def test_what_a_run_gave_is_what_the_component_gives_by_itself(
    reference: Reference, cases: AvatarCases
) -> None:
    for name, calls in reference.calls(cases).items():
        alone = runner(reference.components[name])
        known = [call for call in calls if call.outputs is not None]
        assert len(known) >= len(cases.styles)
        for call in known[:4]:
            for output, expected in alone(call.inputs).items():
                np.testing.assert_array_equal(reference.output(call)[output], expected)


def test_only_what_no_run_had_is_computed_once_more(
    reference: Reference, cases: AvatarCases
) -> None:
    calls = reference.calls(cases)
    unknown = [call for each in calls.values() for call in each if call.outputs is None]
    shown = {run.selfies for run in cases.spread}
    assert [call.where for call in unknown] == [
        each.where() for each in cases.encoded if each not in shown
    ]


def test_a_run_is_the_same_after_it_was_kept(
    reference: Reference, cases: AvatarCases, tmp_path: Path
) -> None:
    (run, *_) = cases.runs
    recorded = reference.recorded(run)
    kept = RecordedRun.of(ArrayCache(tmp_path).get("run", recorded.arrays))
    predictions = [name for name in kept.values if name.startswith("predictions.")]
    assert len(kept.latents) == run.steps <= len(predictions)
    for name, array in recorded.arrays().items():
        np.testing.assert_array_equal(kept.arrays()[name], array)


def test_avatars_take_no_prompts(reference: Reference, avatars: AvatarKind) -> None:
    asked = AvatarKind(replace(avatars.request, prompts=("a cat",)), avatars.cache)
    with pytest.raises(SubjectError, match="omit --prompts"):
        asked.cases(reference.model)
