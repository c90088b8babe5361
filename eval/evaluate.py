"""A whole evaluation: artifacts, each in every runtime, against the checkpoint in PyTorch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from eval import environment, memory
from eval.crews import Crew
from eval.errors import WorkerError
from eval.findings import Findings
from eval.pieces import Pieces
from eval.request import Request
from eval.results import Cost, Report
from eval.tasks import Baseline, Batch, Component, Crash, Finish, Open, Opening, Reference, Task
from support import atomic

RUNS = frozenset({"trajectory", "image", "set"})
"""Levels of whole runs."""


def evaluate(request: Request, crew: Crew) -> Report:
    """Evaluate artifacts. Pictures are written below `request.out`, the report is not.

    Args:
        request: What.
        crew: Who.

    Raises:
        ExportError: An artifact is not whole.
        EvalError: It was made from another checkpoint, or the gates cannot be read.
        ComponentsError, QuantizationError: Checkpoint or recipe cannot be read.
        WorkerError: What computed the reference has died.
    """
    started, begin = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    opening, found = _evaluate(request, crew)
    for path, data in found.pictures.items():
        atomic.write(request.out / path, data)
    return Report(
        mode=request.mode,
        environment=environment.describe(
            threads=request.threads,
            started=started,
            seconds=time.perf_counter() - begin,
            peak_bytes=memory.largest() + crew.peak_bytes(),
        ),
        coverage=opening.coverage,
        subjects=opening.subjects,
        rows=tuple(found.rows),
        series=tuple(found.series),
        searches=tuple(found.searches),
        costs=tuple(found.costs),
        comparisons=tuple(found.comparisons),
    )


def _evaluate(request: Request, crew: Crew) -> tuple[Opening, Findings]:
    opening = _only(crew, Open())
    if not request.skip >= RUNS:
        places = (None, *opening.quantized)
        crew.add(*(Reference(place=p, asks=asks) for p in places for asks in opening.batches))
        for task, result in crew.results():
            _whole(task, result)
    trials = {trial.at: trial for trial in _trials(request, opening)}
    costs = _run(request, crew, trials)
    found = Findings(costs=costs)
    for place, rows in enumerate(opening.rows):
        found.rows += rows
        for trial in trials.values():
            if trial.at[0] == place:
                found.add(trial.found())
    return opening, found


def _only(crew: Crew, task: Task) -> Any:
    crew.add(task)
    ((_, result),) = crew.results()
    return _whole(task, result)


def _whole(task: Task, result: Any) -> Any:
    """Without the reference there is nothing to report."""
    if isinstance(result, Crash):
        raise WorkerError(f"{task.about}: {result.reason}")
    return result


def _trials(request: Request, opening: Opening) -> Iterator[Pieces]:
    batches = () if request.skip >= RUNS else opening.batches
    for place, runtimes in enumerate(opening.runtimes):
        for runtime in runtimes:
            at, name = (place, runtime), opening.subjects[place].name
            yield Pieces(
                at=at,
                artifact=name,
                components=[Component(at=at, artifact=name, name=n) for n in opening.components],
                batches=[Batch(at=at, artifact=name, asks=asks) for asks in batches],
            )


def _run(request: Request, crew: Crew, trials: dict[tuple[int, str], Pieces]) -> list[Cost]:
    """Do all trials; gives PyTorch's costs."""
    costs: list[Cost] = []
    if "speed" not in request.skip:
        crew.add(Baseline())
    for trial in trials.values():
        crew.add(*trial.components, *trial.batches)
    for task, result in crew.results():
        if isinstance(task, Baseline):
            costs = _whole(task, result)
        elif isinstance(task, Component | Batch | Finish):
            trial = trials[task.at]
            trial.take(task, result)
            if trial.ripe:
                crew.add(trial.finish())
    return costs
