"""Figures of many cases, gathered into rows and series: the worst, the median, and the gate."""

from __future__ import annotations

from statistics import fmean, median_low

from eval.levels.scope import Scope
from eval.metrics import METRICS
from eval.schema import Point, Row, Series, Where


class CaseFigures:
    """Figures of many cases of one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.cases: list[tuple[Where, dict[str, float]]] = []

    def add(self, where: Where, measured: dict[str, float]) -> None:
        """Add one case with its figures by metric."""
        self.cases.append((where, measured))

    def rows(self) -> list[Row]:
        """One row for each metric, of its worst case, and one for each median that is a metric."""
        names = dict.fromkeys(name for _, measured in self.cases for name in measured)
        rows = [self._row(name) for name in names]
        medians = [self._median_row(row) for row in rows if _median(row.metric) in METRICS]
        return rows + [row for row in medians if row is not None]

    def worst(self, metric: str = "psnr") -> Where:
        """The case with the worst figure."""
        return self._sorted(metric)[0][1]

    def median(self, metric: str = "psnr") -> Where:
        """The case in the middle."""
        ordered = self._sorted(metric)
        middle = median_low([value for value, _ in ordered])
        return next(where for value, where in ordered if value == middle)

    def series(self) -> list[Series]:
        """Metrics along the sampler's tables; none where the cases have no timesteps."""
        names = [name for name, metric in METRICS.items() if metric.along_timesteps]
        found = (self._series(name) for name in names)
        return [series for series in found if series is not None]

    def _series(self, name: str) -> Series | None:
        steps: dict[tuple[int, int, float], list[float]] = {}
        for where, measured in self.cases:
            if where.steps is not None and where.step is not None and where.timestep is not None:
                step = (where.steps, where.step, where.timestep)
                steps.setdefault(step, []).append(measured[name])
        if not steps:
            return None
        metric = METRICS[name]
        return Series(
            artifact=self.scope.artifact,
            level=self.scope.level,
            runtime=self.scope.runtime,
            component=self.scope.component,
            metric=name,
            unit=metric.unit,
            against=self.scope.against,
            points=tuple(
                Point(
                    steps=count,
                    step=step,
                    timestep=timestep,
                    worst=metric.worst_of(*values),
                    mean=_mean(values),
                )
                for (count, step, timestep), values in sorted(steps.items())
            ),
        )

    def _row(self, name: str) -> Row:
        ordered = self._sorted(name)
        value, where = ordered[0]
        middle = median_low([value for value, _ in ordered])
        typical = middle if len(ordered) > 1 else None
        return self.scope.row(name, value, where=where, typical=typical, count=len(ordered))

    def _median_row(self, row: Row) -> Row | None:
        """The median as a figure of its own; None where there is only one case."""
        if row.typical is None:
            return None
        where = self.median(row.metric)
        return self.scope.row(_median(row.metric), row.typical, where=where, count=row.count)

    def _sorted(self, name: str) -> list[tuple[float, Where]]:
        """The figures and their cases, the worst first."""
        known = [(measured[name], where) for where, measured in self.cases if name in measured]
        return sorted(known, key=lambda entry: entry[0], reverse=METRICS[name].ceiling)


def _median(name: str) -> str:
    return f"median_{name}"


def _mean(values: list[float]) -> float:
    """The mean; infinite where a value is, and -inf where both infinities occur."""
    return float("-inf") if float("-inf") in values else fmean(values)
