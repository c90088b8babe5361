"""One artifact in one runtime, in pieces: those that are done, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from eval.findings import Findings
from eval.results import Row
from eval.tasks import Batch, Component, Crash, Finish


@dataclass(kw_only=True)
class Pieces:
    """Tasks of a trial, and what they gave.

    Attributes:
        at, artifact: As in the tasks.
        components, batches: The tasks, in the report's order.
    """

    at: tuple[int, str]
    artifact: str
    components: list[Component]
    batches: list[Batch]
    _found: dict[str, Findings] = field(default_factory=dict)
    _figures: dict[Batch, Mapping[str, np.ndarray]] = field(default_factory=dict)
    _crashed: list[Row] = field(default_factory=list)
    _waiting: int = 0
    _last: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        self._waiting = len(self.components) + len(self.batches)

    def take(self, task: Component | Batch | Finish, result: object) -> None:
        """What a task gave. Of several batches that crashed the first is told."""
        self._waiting -= 1
        if isinstance(result, Crash):
            if not (isinstance(task, Batch) and any(r.level == task.level for r in self._crashed)):
                self._crashed.append(_row(task, result))
        elif isinstance(task, Batch):
            assert isinstance(result, Mapping)
            self._figures[task] = result
        elif isinstance(result, Findings):
            if isinstance(task, Component):
                self._found[task.name] = result
            else:
                self._last = result

    @property
    def ripe(self) -> bool:
        """Whether everything is there that `finish` is about."""
        return self._waiting == 0

    def finish(self) -> Finish:
        """The last task. Where a batch is missing, figures of the others alone would mislead."""
        whole = len(self._figures) == len(self.batches)
        parts = tuple(self._figures[batch] for batch in self.batches) if whole else ()
        return Finish(at=self.at, artifact=self.artifact, parts=parts)

    def found(self) -> Findings:
        """Everything, in the report's order."""
        total = Findings()
        for task in self.components:
            total.add(self._found.get(task.name, Findings()))
        total.add(self._last)
        total.rows += self._crashed
        return total


def _row(task: Component | Batch | Finish, crash: Crash) -> Row:
    """A failed row for what has no figures."""
    return Row(
        artifact=task.artifact,
        level=task.level,
        runtime=task.at[1],
        component=task.name,
        metric="run",
        value=-math.inf,
        outcome="crashed",
        reason=crash.reason,
    )
