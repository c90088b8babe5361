"""What the reference's recorded calls hold against the components themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import components
from components.reference import runner
from eval.drawing import Drawn, Photos
from eval.plan import plan
from eval.store import Store
from eval.truth import Truth
from tests.export.conftest import Exports


@pytest.fixture(scope="module")
def truth(exports: Exports, photos: Photos, tmp_path_factory: pytest.TempPathFactory) -> Truth:
    store = Store(tmp_path_factory.mktemp("truth"))
    return Truth("reference", components.load(exports.checkpoint("avatar")), store, photos)


def test_what_a_run_gave_is_what_the_component_gives_by_itself(truth: Truth) -> None:
    cases = plan("quick", truth.styles, truth.steps)
    for name, calls in truth.calls(cases).items():
        alone = runner(truth.components[name])
        known = [call for call in calls if call.given is not None]
        assert len(known) >= len(cases.styles)
        for call in known[:4]:
            for output, expected in alone(call.inputs).items():
                np.testing.assert_array_equal(truth.output(call)[output], expected)


def test_only_what_no_run_had_is_computed_once_more(truth: Truth) -> None:
    cases = plan("quick", truth.styles, truth.steps)
    calls = truth.calls(cases)
    unknown = [call for each in calls.values() for call in each if call.given is None]
    shown = {ask.shown for ask in cases.spread}
    assert [call.where for call in unknown] == [
        each.where() for each in cases.encoded if each not in shown
    ]


def test_a_run_is_the_same_after_it_was_kept(truth: Truth, tmp_path: Path) -> None:
    (ask, *_) = plan("quick", truth.styles, truth.steps).runs
    drawn = truth.drawn(ask)
    kept = Drawn.of(Store(tmp_path).get("run", drawn.arrays))
    assert len(kept.latents) == ask.steps <= len(kept.predictions)
    for name, array in drawn.arrays().items():
        np.testing.assert_array_equal(kept.arrays()[name], array)
