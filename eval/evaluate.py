"""A whole evaluation: artifacts, each in every runtime, against the checkpoint in PyTorch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from eval.errors import WorkerError
from eval.metrics import memory
from eval.request import Request
from eval.schema import Cost, Findings, Report
from eval.tasks import (
    ArtifactRuntime,
    CombineRuns,
    Crash,
    EvaluateComponent,
    EvaluateRuns,
    OpenArtifacts,
    Overview,
    RecordReference,
    Task,
    TaskGroup,
    TimeReference,
    describe_environment,
)
from eval.workers import Workers
from support import atomic

RUN_LEVELS = frozenset({"trajectory", "image", "set"})
"""The levels that need whole runs."""

LONG = 60.0
"""Seconds from which on an evaluation says beforehand how long it takes."""


def evaluate(
    request: Request, workers: Workers, tell: Callable[[str], None] = lambda _: None
) -> Report:
    """Evaluate artifacts. Pictures are written below `request.out`; the report is not.

    Args:
        request: What to evaluate.
        workers: Who performs the tasks.
        tell: Hears how long it takes, where that is more than a minute.

    Raises:
        ExportError: A file of an artifact is missing, foreign or changed.
        EvalError: An artifact was made from another checkpoint, or the gates cannot be read.
        ComponentsError, QuantizationError: The checkpoint or the recipe cannot be read.
        WorkerError: A process that computes the reference died.
    """
    started, begin = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    overview, found = _evaluate(request, workers, tell)
    for path, data in found.pictures.items():
        atomic.write(request.out / path, data)
    return Report(
        mode=request.mode.name,
        environment=describe_environment(
            threads=request.threads,
            started=started,
            seconds=time.perf_counter() - begin,
            peak_bytes=memory.largest() + workers.peak_bytes(),
        ),
        coverage=overview.coverage,
        subjects=overview.subjects,
        rows=tuple(found.rows),
        series=tuple(found.series),
        searches=tuple(found.searches),
        costs=tuple(found.costs),
        comparisons=tuple(found.comparisons),
    )


def _evaluate(
    request: Request, workers: Workers, tell: Callable[[str], None]
) -> tuple[Overview, Findings]:
    overview = _only(workers, OpenArtifacts())
    if overview.seconds > LONG:
        minutes = math.ceil(overview.seconds / 60)
        tell(
            f"this takes about {minutes} min in one process (whole runs: {overview.coverage.runs})"
        )
    if not request.skip >= RUN_LEVELS:
        _record_references(workers, overview)
    groups = {group.needs: group for group in _groups(request, overview)}
    found = Findings(costs=_perform(request, workers, groups))
    for index, rows in enumerate(overview.rows):
        found.rows += rows
        for group in groups.values():
            if group.needs.index == index:
                found.add(group.found())
    return overview, found


def _only(workers: Workers, task: Task) -> Any:
    workers.add(task)
    ((_, outcome),) = workers.results()
    return _required(task, outcome)


def _required(task: Task, outcome: Any) -> Any:
    """The outcome of a task about the reference: without that there is nothing to report."""
    if isinstance(outcome, Crash):
        raise WorkerError(f"{task.about}: {outcome.reason}")
    return outcome


def _record_references(workers: Workers, overview: Overview) -> None:
    """Run the reference and the quantized checkpoints, whose runs are then in the cache."""
    for index in (None, *overview.quantized):
        workers.add(*(RecordReference(index=index, runs=runs) for runs in overview.batches))
    for task, outcome in workers.results():
        _required(task, outcome)


def _groups(request: Request, overview: Overview) -> Iterator[TaskGroup]:
    """The tasks of every artifact in every runtime."""
    for index, runtimes in enumerate(overview.runtimes):
        for runtime in runtimes:
            needs, name = ArtifactRuntime(index, runtime), overview.subjects[index].name
            runs = overview.whole[index] and not request.skip >= RUN_LEVELS
            yield TaskGroup(
                needs=needs,
                artifact=name,
                components=[
                    EvaluateComponent(needs=needs, artifact=name, name=component)
                    for component in overview.components[index]
                ],
                batches=[
                    EvaluateRuns(needs=needs, artifact=name, runs=batch)
                    for batch in overview.batches
                    if runs
                ],
            )


def _perform(
    request: Request, workers: Workers, groups: dict[ArtifactRuntime, TaskGroup]
) -> list[Cost]:
    """Perform the tasks of all groups; returns the costs of PyTorch."""
    costs: list[Cost] = []
    if "speed" not in request.skip:
        workers.add(TimeReference())
    for group in groups.values():
        workers.add(*group.components, *group.batches)
    for task, outcome in workers.results():
        if isinstance(task, TimeReference):
            costs = _required(task, outcome)
        elif isinstance(task, EvaluateComponent | EvaluateRuns | CombineRuns):
            group = groups[task.needs]
            group.take(task, outcome)
            if group.complete:
                workers.add(group.last_task())
    return costs
