"""The page's bars: sizes and seconds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from eval.report import words
from eval.schema import REFERENCE_RUNTIME, RUN, Cost, Report, Row
from support.sizes import size


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar.

    Attributes:
        label: What it is about.
        text: Its figure, for people.
        share: Its length as a share of the longest bar, in [0,1].
        limit: Where its gate is, in the same unit; None where it has none.
        failed: Whether the gate failed.
    """

    label: str
    text: str
    share: float
    limit: float | None = None
    failed: bool = False


def sizes(report: Report) -> list[tuple[str, list[Bar]]]:
    """Sizes by artifact.

    There is a bar for each component's files in each runtime, and one for all that an app ships of
    each kind of model file, with the ceiling of that kind.
    """
    groups = []
    for subject in report.subjects:
        costs = [c for c in report.costs if c.artifact == subject.name and c.component != RUN]
        parts = [(f"{c.component}, {c.runtime}", c.file_bytes) for c in costs if c.file_bytes]
        totals = [row for row in report.rows if _of_all_files(row, subject.name)]
        ends = [row.limit or 0 for row in totals] + [row.value for row in totals]
        longest = max([*(count for _, count in parts), *ends, subject.bytes]) or 1
        bars = [Bar(label=n, text=size(b), share=b / longest) for n, b in parts]
        if not totals:
            share = subject.bytes / longest
            bars.append(Bar(label="as shipped", text=size(subject.bytes), share=share))
        groups.append((subject.name, [*bars, *(_shipped(row, longest) for row in totals)]))
    return groups


def _of_all_files(row: Row, artifact: str) -> bool:
    """Whether a row is about all of an artifact's model files of a kind."""
    mine = row.artifact == artifact and row.component == RUN and row.was is None
    return mine and (row.level, row.metric) == ("size", "bytes")


def _shipped(row: Row, longest: float) -> Bar:
    text, limit = size(round(row.value)), None
    if row.limit is not None:
        text, limit = f"{text} of {size(round(row.limit))}", row.limit / longest
    failed = row.verdict == "failed"
    label = f"as shipped, {row.runtime}"
    return Bar(label=label, text=text, share=row.value / longest, limit=limit, failed=failed)


def speeds(report: Report) -> list[tuple[str, list[Bar]]]:
    """The median warm call in each runtime, by component; PyTorch comes first."""
    found: dict[str, list[Cost]] = {}
    for cost in sorted(report.costs, key=lambda cost: cost.runtime != REFERENCE_RUNTIME):
        name = words.drawn(cost) if cost.component == RUN else cost.component
        if cost.warm:
            found.setdefault(name, []).append(cost)
    return [(name, _timed(costs)) for name, costs in found.items()]


def _timed(costs: list[Cost]) -> list[Bar]:
    """One bar for each cost; artifacts are named where two ran in the same runtime."""
    medians = [statistics.median(cost.warm) for cost in costs]
    runtimes = [cost.runtime for cost in costs]
    return [
        Bar(
            label=c.runtime + (f", {c.artifact}" if runtimes.count(c.runtime) > 1 else ""),
            text=words.figure(seconds, "s") + _ratio(c),
            share=seconds / (max(medians) or 1.0),
        )
        for c, seconds in zip(costs, medians, strict=True)
    ]


def _ratio(cost: Cost) -> str:
    if cost.ratio is None or cost.runtime == REFERENCE_RUNTIME:
        return ""
    return f", {cost.ratio:.2f} × PyTorch"
