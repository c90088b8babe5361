"""An evaluation for people at a terminal: fidelity, cost, and what failed with where to look."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median

from rich.table import Table

from eval.results import RUN, Cost, Report, Row, Subject

COLOURS = {"passed": "green", "failed": "red", "not run": "yellow", "shown": "dim"}
_COSTS = ("speed", "size")


def fidelity(report: Report, subject: Subject) -> Table:
    """One artifact, one line for each level, runtime, component and what it is compared with: the
    figure with the least margin."""
    made = Table(title=f"{subject.name} ({subject.tier})", title_justify="left")
    for name in ("level", "runtime", "component", "against", "figure"):
        made.add_column(name, no_wrap=True)
    for name in ("value", "needed", "typical", "cases"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("verdict", no_wrap=True)
    for rows in groups(report):
        row, verdict = tightest(rows), worst_verdict(rows)
        if row.artifact != subject.name or row.outcome == "unavailable":
            continue
        crashed = row.outcome == "crashed"
        made.add_row(
            *(row.level, row.runtime, row.component, row.against),
            "crashed" if crashed else row.metric,
            "" if crashed else number(row.value, row.unit),
            needed(row),
            "" if row.typical is None else number(row.typical, row.unit),
            "" if crashed else str(row.count),
            f"[{COLOURS[verdict]}]{verdict}[/]",
        )
    return made


def costs(report: Report) -> Table:
    """Seconds, memory and size in each runtime, beside PyTorch's in the same run."""
    made = Table(title="cost", title_justify="left")
    for name in ("runtime", "component"):
        made.add_column(name, no_wrap=True)
    for name in ("load s", "cold s", "warm s", "× PyTorch", "memory", "size", "GMAC", "moved"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("artifact", overflow="fold")
    for cost in report.costs:
        name = f"set of {cost.avatars}" if cost.component == RUN else cost.component
        made.add_row(cost.runtime, name, *_cells(cost), cost.artifact)
    return made


def failures(report: Report) -> Iterator[str]:
    """What failed, a line each: the figure, its worst case, and how to look at it. Rows about the
    same thing are one line, those nearest the cause first."""
    failed = [rows for rows in groups(report, every=True) if worst_verdict(rows) == "failed"]
    for rows in failed:
        row = tightest([row for row in rows if row.verdict == "failed"])
        yield f"FAILED {_about(row)}{_look(report, row)}"


def verdicts(report: Report) -> Iterator[str]:
    """A line for each artifact."""
    for subject in report.subjects:
        mine = [row for row in report.rows if row.artifact == subject.name]
        gated = [row for row in mine if row.verdict in ("passed", "failed")]
        passed = sum(row.verdict == "passed" for row in gated)
        absent = sorted({row.runtime for row in mine if row.outcome == "unavailable"})
        word = "passed" if passed == len(gated) > 0 else "FAILED"
        beside = f"; not run here: {', '.join(absent)}" if absent else ""
        yield (
            f"{subject.name} {word}: {passed} of {len(gated)} gates of {subject.tier} "
            f"({subject.gates}){beside}"
        )


def groups(report: Report, *, every: bool = False) -> list[list[Row]]:
    """Rows of fidelity, or `every` row, by artifact, level, runtime, component and against."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in report.rows:
        if every or row.level not in _COSTS:
            key = (row.artifact, row.level, row.runtime, row.component, row.against)
            found.setdefault(key, []).append(row)
    return list(found.values())


def tightest(rows: Sequence[Row]) -> Row:
    """The row that fell furthest short, or has the least to spare, by share of its limit."""
    order = {"failed": 0, "passed": 1, "not run": 2, "shown": 3}

    def rank(row: Row) -> tuple[float, float]:
        scale = abs(row.limit) if row.limit else 1.0
        return (order[row.verdict], row.margin / scale)

    return min(rows, key=rank)


def worst_verdict(rows: Sequence[Row]) -> str:
    """failed before passed before not run before shown."""
    found = {row.verdict for row in rows}
    return next(v for v in ("failed", "passed", "not run", "shown") if v in found)


def number(value: float, unit: str) -> str:
    """For people: three significant digits, and a unit where there is one."""
    if unit == "bytes" and abs(value) >= 1000:
        return size(int(value))
    if math.isinf(value):
        return "equal" if value > 0 and unit == "dB" else ("∞" if value > 0 else "−∞")
    if unit == "dB":
        return f"{value:.1f} dB"
    return f"{value:.4g}{f' {unit}' if unit else ''}"


def needed(row: Row) -> str:
    """`≥ 60.0 dB`; empty where nothing is."""
    if row.limit is None or row.outcome != "measured":
        return ""
    return f"{'≥' if row.at_least else '≤'} {number(row.limit, row.unit)}"


def size(count: int) -> str:
    """Bytes for people, in powers of ten."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _cells(cost: Cost) -> tuple[str, ...]:
    return (
        f"{cost.load:.2f}" if cost.component != RUN else "",
        f"{cost.cold:.3f}",
        f"{median(cost.warm):.3f}",
        "" if cost.ratio is None else f"{cost.ratio:.2f}",
        "" if cost.peak_bytes is None else size(cost.peak_bytes),
        size(cost.file_bytes) if cost.file_bytes else "",
        "" if cost.gmac is None else f"{cost.gmac:.2f}",
        "" if cost.moved_bytes is None else size(cost.moved_bytes),
    )


def _about(row: Row) -> str:
    where = " ".join(
        part
        for part in (
            row.artifact,
            f"{row.level}:",
            row.component if row.component != RUN else "whole run",
            f"in {row.runtime}" if row.runtime else "",
        )
        if part
    )
    if row.outcome == "crashed":
        return f"{where} crashed: {row.reason}"
    case = f"; worst case: {row.where}" if str(row.where) else ""
    return (
        f"{where}: {row.metric} is {number(row.value, row.unit)}, needed {needed(row)} "
        f"against the {row.against}{case}"
    )


def _look(report: Report, row: Row) -> str:
    """Where to look: the layer that first goes wrong, or the pictures of the worst run."""
    for search in report.searches:
        same = (search.artifact, search.runtime, search.component)
        if row.level == "components" and same == (row.artifact, row.runtime, row.component):
            if search.first:
                return f"; first wrong at layer {search.first} (SNR {search.snr:.1f} dB)"
            return f"; {search.note}" if search.note else ""
    for pair in report.comparisons:
        same_run = (pair.artifact, pair.runtime, pair.kind) == (row.artifact, row.runtime, "worst")
        if row.level in ("trajectory", "image") and same_run:
            return f"; look at {pair.difference} beside the report"
    return ""
