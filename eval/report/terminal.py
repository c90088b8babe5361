"""A report on the terminal, in 110 columns.

It has a line for each component in each runtime, then the failures, and the verdict last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from eval.report import words
from eval.schema import Report, Row, Subject
from support.sizes import size

WIDE = 110
MOST_FAILURES = 20
"""More failures are only counted; the page and `report.json` have all of them."""

_COLORS = {"passed": "green", "failed": "bold red", "not run": "yellow", "shown": "dim"}


def render(report: Report, page: str = "") -> RenderableType:
    """Everything to print, the verdict last.

    Args:
        report: The report.
        page: Path of the HTML page, to name it; empty where none was written.
    """
    parts: list[RenderableType] = []
    for subject in report.subjects:
        parts += [_subject(report, subject), *_absent(report, subject)]
    parts += [Text(f"baseline: {words.line(note)}", "yellow") for note in _notes(report)]
    parts += _failures(report, page)
    return Group(*parts, _verdict(report, page))


def _subject(report: Report, subject: Subject) -> RenderableType:
    title = f"{subject.name}: {subject.format}, {subject.tier}, {size(subject.bytes)}"
    made = Table(
        title=Text(words.line(title), "bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for name in ("level", "runtime", "component", "against"):
        made.add_column(name, overflow="fold")
    made.add_column("nearest", overflow="fold", max_width=18)
    for name in ("worst", "needed"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("gates", justify="right", no_wrap=True)
    made.add_column("", no_wrap=True, min_width=7)
    for rows in grouped(row for row in report.rows if row.artifact == subject.name):
        made.add_row(*_line(rows))
    return Constrain(made, WIDE)


def _absent(report: Report, subject: Subject) -> list[Text]:
    """A line for each reason why something was not run."""
    reasons: dict[str, list[str]] = {}
    for row in report.rows:
        if row.artifact == subject.name and row.verdict == "not run":
            names = reasons.setdefault(row.reason, [])
            names += [row.runtime] if row.runtime not in names else []
    return [
        Text(words.line(f" not run here: {', '.join(names)} ({reason})"), _COLORS["not run"])
        for reason, names in reasons.items()
    ]


def grouped(rows: Iterable[Row]) -> list[list[Row]]:
    """Gated rows, grouped by subject and comparison, in the order of levels."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.verdict in ("passed", "failed"):
            groups.setdefault((row.level, row.runtime, row.component, row.against), []).append(row)
    return sorted(groups.values(), key=lambda group: words.LEVELS.index(group[0].level))


def nearest(rows: Sequence[Row]) -> Row:
    """The row that failed, or the one with the smallest margin in shares of its limit.

    A baseline's limits are always near, so they are named only when they fail.
    """

    def distance(row: Row) -> tuple[int, bool, float]:
        margin = row.margin / (abs(row.limit or 0) or 1)
        return words.VERDICTS.index(row.verdict), row.was is not None, margin

    return min(rows, key=distance)


def _line(rows: Sequence[Row]) -> list[RenderableType]:
    row = nearest(rows)
    compared = row.against if words.against(row) else ""
    names = (row.level, row.runtime, row.component, compared)
    head: list[RenderableType] = [Text(words.line(name)) for name in names]
    verdict = Text(row.verdict, _COLORS[row.verdict])
    if row.outcome != "measured":
        return [*head, Text("crashed"), "", "", "", verdict]
    value, limit = words.measured(row)
    sign = "≥" if row.at_least else "≤"
    passed = sum(row.verdict == "passed" for row in rows)
    name = words.metric(row.metric) + (", baseline" if row.was is not None else "")
    return [*head, Text(name), value, f"{sign} {limit}", f"{passed}/{len(rows)}", verdict]


def _notes(report: Report) -> list[str]:
    return list(report.baseline.notes) if report.baseline else []


def _failures(report: Report, page: str) -> list[RenderableType]:
    groups = words.failures(report)
    lines: list[RenderableType] = []
    for group in groups[:MOST_FAILURES]:
        head = f"\n✗ {group[0].artifact}, {group[0].level}: {words.subject(group[0])}"
        if len(group) == 1:
            lines.append(Text(words.line(head) + words.finding(group[0]), "red"))
        else:
            lines.append(Text(words.line(head), "red"))
            lines += [Text(f"    {text}") for text in words.findings(group)]
        lines += [
            Text(f"    {words.line(clue)}", "dim") for clue in words.clues(report, group[0], page)
        ]
    more = len(groups) - MOST_FAILURES
    return lines + ([Text(f"… and {more} more")] if more > 0 else []) + [Text("")]


def _verdict(report: Report, page: str) -> Text:
    word, colour = ("passed", "bold green") if report.passed else ("FAILED", "bold red")
    text = f": {words.summary(report)}" + (f"; {page}" if page else "")
    return Text.assemble((word, colour), text)
