"""`--full` with few people: its own figures, and where it goes on after it was stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval import Report, runs
from export.formats import Options
from tests.eval.conftest import Evaluate
from tests.export.conftest import Exports

SKIPPED = frozenset({"weights", "components", "speed"})
FIGURES = {"retrieval", "retrieval_drop", "frechet", "frechet_rise", "diversity", "diversity_drop"}


@pytest.fixture
def full(
    exports: Exports, quick: Evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Report]:
    """A full evaluation of eight people, two avatars of each in each style, in four batches."""
    monkeypatch.setattr("eval.plan.PEOPLE_IN_FULL", 8)
    folder = exports.get("avatar", "onnx", Options(ort="none")).folder

    def run() -> Report:
        return quick(folder, mode="full", cache=tmp_path / "cache", skip=SKIPPED)

    return run


@pytest.mark.slow
def test_a_full_evaluation_that_was_stopped_goes_on_where_it_was(
    full: Callable[[], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, measure = [], runs.measure

    def stopping(asks: tuple, *others: object, **options: object) -> dict:
        if len(measured) == 2:
            measured.append(())
            raise KeyboardInterrupt
        measured.append(asks)
        return measure(asks, *others, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "measure", stopping)
    with pytest.raises(KeyboardInterrupt):
        full()
    assert len(measured) == 3
    resumed = full()
    asks = [ask for part in measured for ask in part]
    assert len(asks) == len(set(asks)) >= 96, "nothing is run twice"
    by_metric = {row.metric: row for row in resumed.rows if row.level == "set"}
    assert by_metric.keys() >= FIGURES
    assert all(abs(by_metric[name].value) < 0.01 for name in FIGURES if "_" in name)
    assert by_metric["diversity"].value > 0 and by_metric["diversity"].count == 96
