"""`--full` with few people: its own figures, and how it continues after it was stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eval import Report
from eval.cases import MODES
from eval.levels import runs as level
from export.formats import Options
from tests.eval.conftest import Evaluate
from tests.exports import Exports

SKIPPED = frozenset({"weights", "components", "speed"})
FIGURES = {"retrieval", "retrieval_drop", "frechet", "frechet_rise", "diversity", "diversity_drop"}


@pytest.fixture
def full(exports: Exports, quick: Evaluate, tmp_path: Path) -> Callable[[], Report]:
    """A full evaluation of eight people, two avatars of each in each style, in four batches."""
    mode = replace(MODES["full"], people=8)
    folder = exports.get("avatar", "onnx", Options(ort="none")).folder

    def run() -> Report:
        return quick(folder, mode=mode, cache=tmp_path / "cache", skip=SKIPPED)

    return run


@pytest.mark.slow
def test_a_full_evaluation_that_was_stopped_continues_where_it_was(
    full: Callable[[], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, measure = [], level.measure_runs

    def stopping(runs: tuple, *others: object, **options: object) -> dict:
        if len(measured) == 2:
            measured.append(())
            raise KeyboardInterrupt
        measured.append(runs)
        return measure(runs, *others, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(level, "measure_runs", stopping)
    with pytest.raises(KeyboardInterrupt):
        full()
    assert len(measured) == 3
    resumed = full()
    runs = [run for part in measured for run in part]
    assert len(runs) == len(set(runs)) >= 96, "nothing is run twice"
    by_metric = {row.metric: row for row in resumed.rows if row.level == "set"}
    assert by_metric.keys() >= FIGURES
    assert all(abs(by_metric[name].value) < 0.01 for name in FIGURES if "_" in name)
    assert by_metric["diversity"].value > 0 and by_metric["diversity"].count == 96
