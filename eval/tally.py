"""Figures of many cases, gathered to rows: the worst, the median, and the gate."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, median_low

from eval.figures import FIGURES
from eval.gates import Gates
from eval.metrics import METRICS
from eval.results import RUN, Against, Level, Point, Row, Series, Where

CEILINGS = frozenset(
    {
        *(
            "wrong",
            "missing",
            "layer_gain",
            "bytes",
            "bytes_per_weight",
            "seconds",
            "ratio",
            "peak_bytes",
        ),
        *("accuracy_drop", "tone_accuracy_drop", "kind_drop", "retrieval_drop", "frechet_rise"),
        *("diversity_drop", "frechet"),
    }
)
"""Figures beside the metrics of which less is better."""

UNITS = {"seconds": "s", "bytes": "bytes", "peak_bytes": "bytes"}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a figure is about: artifact, level, runtime, component and what it is compared with, and
    the gates that hold for it."""

    artifact: str
    level: Level
    runtime: str = ""
    component: str = RUN
    against: Against = "reference"
    gates: Gates = field(repr=False)

    def row(
        self,
        metric: str,
        value: float,
        *,
        where: Where | None = None,
        typical: float | None = None,
        count: int = 1,
    ) -> Row:
        """One figure with its limit."""
        assert metric in FIGURES[self.level], f"no gate could name {metric} at {self.level}"
        return Row(
            artifact=self.artifact,
            level=self.level,
            runtime=self.runtime,
            component=self.component,
            metric=metric,
            unit=_unit(metric),
            against=self.against,
            value=float(value),
            typical=typical,
            limit=self.gates.limit(self.level, metric, self.runtime, self.component),
            at_least=_at_least(metric),
            count=count,
            where=where or Where(),
        )

    def crashed(self, error: BaseException) -> Row:
        """A row for what raised instead of giving a figure."""
        return self._without("crashed", said(error))

    def unavailable(self, reason: str) -> Row:
        """A row for what this machine cannot run."""
        return self._without("unavailable", reason)

    def _without(self, outcome: str, reason: str) -> Row:
        return Row(
            artifact=self.artifact,
            level=self.level,
            runtime=self.runtime,
            component=self.component,
            metric="run",
            against=self.against,
            value=float("-inf"),
            outcome=outcome,  # type: ignore[arg-type]
            reason=reason,
        )


class Tally:
    """Metrics of many cases of one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.cases: list[tuple[Where, dict[str, float]]] = []

    def add(self, where: Where, measured: dict[str, float]) -> None:
        """One case: its figures by metric."""
        self.cases.append((where, measured))

    def rows(self) -> list[Row]:
        """One for each metric: its worst case, and the median of all."""
        names = dict.fromkeys(name for _, measured in self.cases for name in measured)
        rows = [self._row(name) for name in names]
        medians = [row for row in rows if row.metric == "psnr" and row.typical is not None]
        return rows + [self._median_row(row) for row in medians]

    def worst(self, metric: str = "psnr") -> Where:
        """The case with the worst figure."""
        return self._sorted(metric)[0][1]

    def median(self, metric: str = "psnr") -> Where:
        """The case in the middle."""
        ordered = self._sorted(metric)
        middle = median_low([value for value, _ in ordered])
        return next(where for value, where in ordered if value == middle)

    def series(self, metric: str) -> Series | None:
        """The metric along the sampler's tables; None where cases know no timesteps."""
        places: dict[tuple[int, int, float], list[float]] = {}
        for where, measured in self.cases:
            if where.steps is not None and where.step is not None and where.timestep is not None:
                place = (where.steps, where.step, where.timestep)
                places.setdefault(place, []).append(measured[metric])
        if not places:
            return None
        worst = min if _at_least(metric) else max
        return Series(
            artifact=self.scope.artifact,
            level=self.scope.level,
            runtime=self.scope.runtime,
            component=self.scope.component,
            metric=metric,
            unit=METRICS[metric].unit,
            against=self.scope.against,
            points=tuple(
                Point(steps=a, step=b, timestep=c, worst=worst(values), mean=_mean(values))
                for (a, b, c), values in sorted(places.items())
            ),
        )

    def _row(self, metric: str) -> Row:
        ordered = self._sorted(metric)
        value, where = ordered[0]
        middle = median_low([value for value, _ in ordered])
        typical = middle if len(ordered) > 1 else None
        return self.scope.row(metric, value, where=where, typical=typical, count=len(ordered))

    def _median_row(self, row: Row) -> Row:
        """Its middle case, which can be gated by itself: as `median_psnr`."""
        assert row.typical is not None
        where, name = self.median(row.metric), f"median_{row.metric}"
        return self.scope.row(name, row.typical, where=where, count=row.count)

    def _sorted(self, metric: str) -> list[tuple[float, Where]]:
        """Worst first."""
        known = [(measured[metric], where) for where, measured in self.cases if metric in measured]
        return sorted(known, key=lambda entry: entry[0], reverse=not _at_least(metric))


def _at_least(metric: str) -> bool:
    if metric in CEILINGS:
        return False
    return METRICS[metric].at_least if metric in METRICS else True


def _unit(metric: str) -> str:
    """`order_psnr` is a PSNR too."""
    known = METRICS.get(metric) or METRICS.get(metric.rpartition("_")[2])
    return UNITS.get(metric, known.unit if known else "")


def _mean(values: list[float]) -> float:
    """The mean; infinite where one is, and -inf where both infinities are."""
    return float("-inf") if float("-inf") in values else fmean(values)


def said(error: BaseException) -> str:
    """An error's kind and its message's first line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {(lines[0] if lines else 'no message')[:300]}"
