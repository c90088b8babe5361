"""What a figure is about, which makes rows of figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from eval.gates import Gates
from eval.metrics import METRICS
from eval.schema import RUN, Against, Level, Row, Where


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a figure is about, and the gates that hold for it.

    Attributes:
        artifact, level, runtime, component, against: As in `Row`.
        gates: The limits.
    """

    artifact: str
    level: Level
    runtime: str = ""
    component: str = RUN
    against: Against = "reference"
    gates: Gates = field(repr=False)

    def row(
        self,
        name: str,
        value: float,
        *,
        where: Where | None = None,
        typical: float | None = None,
        count: int = 1,
    ) -> Row:
        """A row of one figure, with its limit.

        Args:
            name: The metric's name.
            value: The worst of all cases.
            where: The worst case.
            typical: The median of all cases.
            count: Number of cases.
        """
        metric = METRICS[name]
        assert self.level in metric.levels, f"no gate could name {name} at {self.level}"
        return Row(
            artifact=self.artifact,
            level=self.level,
            runtime=self.runtime,
            component=self.component,
            metric=name,
            unit=metric.unit,
            against=self.against,
            value=float(value),
            typical=typical,
            limit=self.gates.limit(self.level, name, self.runtime, self.component),
            at_least=not metric.ceiling,
            count=count,
            where=where or Where(),
        )

    def crashed(self, error: BaseException) -> Row:
        """A row for a runtime that raised instead of giving a figure."""
        return self._without_figure("crashed", described(error))

    def unavailable(self, reason: str) -> Row:
        """A row for a runtime that this machine does not have."""
        return self._without_figure("unavailable", reason)

    def _without_figure(self, outcome: Literal["crashed", "unavailable"], reason: str) -> Row:
        return Row(
            artifact=self.artifact,
            level=self.level,
            runtime=self.runtime,
            component=self.component,
            metric="run",
            against=self.against,
            value=float("-inf"),
            outcome=outcome,
            reason=reason,
        )


def described(error: BaseException) -> str:
    """The kind of an error and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {(lines[0] if lines else 'no message')[:300]}"
