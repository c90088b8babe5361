from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval import SubjectError, gates
from eval.cases import MODES
from eval.evaluate import evaluate
from eval.request import Request
from eval.tasks import Crash, Task
from eval.workers.processes import WorkerProcesses
from tests.eval.conftest import Evaluate
from tests.eval.workers.dying import Ends, Halts, Raises, sabotage
from tests.exports import Exports


@pytest.fixture
def request_(exports: Exports, work: Path) -> Request:
    return Request(
        artifacts=(exports.get("avatar", "onnx").folder,),
        checkpoint=exports.checkpoint("avatar"),
        gates=gates.read(work / "gates.toml"),
        mode=MODES["quick"],
        out=work / "out",
        cache=work / "cache",
        skip=frozenset({"speed", "set"}),
    )


@pytest.fixture
def workers(request_: Request) -> Iterator[WorkerProcesses]:
    made = WorkerProcesses(request_, 2)
    yield made
    made.close()


@pytest.mark.slow
def test_a_killed_process_costs_one_task_and_the_signal_is_named(workers: WorkerProcesses) -> None:
    ends = {number: Ends(number=number, signal=end) for number, end in enumerate([0, 9, 0, 11, 6])}
    workers.add(*ends.values())
    found = {task.number: result for task, result in workers.results()}  # type: ignore[attr-defined]
    assert found[0] == 0 and found[2] == 2
    for number, name in ((1, "SIGKILL"), (3, "SIGSEGV"), (4, "SIGABRT")):
        assert found[number] == Crash(reason=f"the process was killed by {name}")
    workers.add(ends[0])
    assert list(workers.results()) == [(ends[0], 0)]
    assert workers.peak_bytes() > 0


@pytest.mark.slow
def test_a_process_that_dies_while_it_answers_costs_one_task_too(workers: WorkerProcesses) -> None:
    workers.add(Halts(), Ends(number=1), Ends(number=2, signal=signal.SIGRTMIN + 3))
    found = [result for _, result in workers.results()]
    reasons = {result.reason for result in found if isinstance(result, Crash)}
    assert found.count(1) == 1
    assert reasons == {
        "the process was gone with code 3",
        f"the process was killed by signal {signal.SIGRTMIN + 3}",
    }


@pytest.mark.slow
def test_what_a_task_raises_is_raised_here(workers: WorkerProcesses) -> None:
    workers.add(Raises(error=SubjectError("no avatar")))
    with pytest.raises(SubjectError, match="no avatar"):
        list(workers.results())


class Saboteurs(WorkerProcesses):
    """WorkerProcesses that get the dying runtime instead of ort."""

    def add(self, *tasks: Task) -> None:
        super().add(*map(sabotage, tasks))

    def results(self) -> Iterator[tuple[Task, object]]:
        for task, result in super().results():
            yield getattr(task, "task", task), result


@pytest.mark.slow
def test_a_runtime_that_dies_is_a_failed_row_and_nothing_else_is_lost(request_: Request) -> None:
    workers = Saboteurs(request_, 2)
    try:
        report = evaluate(request_, workers)
    finally:
        workers.close()
    crashed = [row for row in report.rows if row.outcome == "crashed"]
    assert {(row.runtime, row.component, row.level) for row in crashed} == {
        ("ort", "decoder", "components"),
        ("ort", "whole run", "image"),
    }
    assert all(row.reason == "the process was killed by SIGSEGV" for row in crashed)
    assert {row.runtime for row in report.failures} == {"ort"} and not report.passed
    measured = {(row.runtime, row.component) for row in report.rows if row.metric == "psnr"}
    assert {("ort", "denoiser"), ("onnx", "decoder"), ("onnx", "whole run")} <= measured


@pytest.mark.slow
def test_processes_report_what_one_alone_does(request_: Request, quick: Evaluate) -> None:
    workers = WorkerProcesses(request_, 2)
    try:
        report = evaluate(request_, workers)
    finally:
        workers.close()
    alone = quick(*request_.artifacts, skip=request_.skip)
    assert report.passed
    assert report.rows == alone.rows and report.series == alone.series
    assert report.searches == alone.searches and report.comparisons == alone.comparisons
