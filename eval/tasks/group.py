"""The tasks of one artifact in one runtime, and what they have found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from eval.schema import Findings, Row
from eval.tasks.artifact_runtime import ArtifactRuntime
from eval.tasks.outcomes import Crash
from eval.tasks.records import CombineRuns, EvaluateComponent, EvaluateRuns

GroupTask = EvaluateComponent | EvaluateRuns | CombineRuns


@dataclass(kw_only=True)
class TaskGroup:
    """The tasks of one artifact in one runtime.

    Attributes:
        needs, artifact: As in the tasks.
        components, batches: The tasks, in the report's order.
    """

    needs: ArtifactRuntime
    artifact: str
    components: list[EvaluateComponent]
    batches: list[EvaluateRuns]
    _found: dict[str, Findings] = field(default_factory=dict)
    _figures: dict[EvaluateRuns, Mapping[str, np.ndarray]] = field(default_factory=dict)
    _crashed: list[Row] = field(default_factory=list)
    _missing: int = 0
    _last: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        self._missing = len(self.components) + len(self.batches)

    def take(self, task: GroupTask, outcome: object) -> None:
        """Take the outcome of a task. If several batches crashed, the first one is reported."""
        self._missing -= 1
        if isinstance(outcome, Crash):
            again = any(row.level == task.level for row in self._crashed)
            if not (isinstance(task, EvaluateRuns) and again):
                self._crashed.append(_crashed_row(task, outcome))
        elif isinstance(task, EvaluateRuns):
            assert isinstance(outcome, Mapping)
            self._figures[task] = outcome
        elif isinstance(outcome, Findings):
            if isinstance(task, EvaluateComponent):
                self._found[task.name] = outcome
            else:
                self._last = outcome

    @property
    def complete(self) -> bool:
        """Whether all outcomes are there that the last task is about."""
        return self._missing == 0

    def last_task(self) -> CombineRuns:
        """The last task; without figures where a batch is missing, as those of others mislead."""
        complete = len(self._figures) == len(self.batches)
        parts = tuple(self._figures[batch] for batch in self.batches) if complete else ()
        return CombineRuns(needs=self.needs, artifact=self.artifact, parts=parts)

    def found(self) -> Findings:
        """All findings, in the report's order."""
        total = Findings()
        for task in self.components:
            total.add(self._found.get(task.name, Findings()))
        total.add(self._last)
        total.rows += self._crashed
        return total


def _crashed_row(task: GroupTask, crash: Crash) -> Row:
    """A failed row for a task that has no figures."""
    return Row(
        artifact=task.artifact,
        level=task.level,
        runtime=task.needs.runtime,
        component=task.name,
        metric="run",
        value=-math.inf,
        outcome="crashed",
        reason=crash.reason,
    )
