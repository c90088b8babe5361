"""A report on the terminal: a line for each component in each runtime, then what fell, then the
verdict. It fits 110 columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from eval import words
from eval.results import Report, Row, Subject
from export.report import size

WIDE = 110
MOST_FALLEN = 20
"""What fell beyond these is counted; the page and `report.json` have all of it."""

_COLOURS = {"passed": "green", "failed": "bold red", "not run": "yellow", "shown": "dim"}


def render(report: Report, page: str = "") -> RenderableType:
    """Everything that is to be printed, the verdict last.

    Args:
        report: What was found.
        page: Path of the HTML page, named as the place to look; empty where none was written.
    """
    parts: list[RenderableType] = [_subject(report, subject) for subject in report.subjects]
    parts += [Text(f"baseline: {note}", "yellow") for note in _notes(report)]
    parts += _fallen(report, page)
    return Group(*parts, _verdict(report, page))


def _subject(report: Report, subject: Subject) -> Table:
    title = f"{subject.name}: {subject.format}, {subject.tier}, {size(subject.bytes)}"
    made = Table(title=Text(title, "bold"), title_justify="left", width=WIDE)
    for name in ("level", "runtime", "component", "nearest"):
        made.add_column(name, overflow="fold")
    for name in ("worst", "needed"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("gates", justify="right", no_wrap=True)
    made.add_column("", no_wrap=True)
    for rows in grouped(row for row in report.rows if row.artifact == subject.name):
        made.add_row(*_line(rows))
    return made


def grouped(rows: Iterable[Row]) -> list[list[Row]]:
    """Gated rows and those not run: of one level, runtime and component each, levels in order."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.verdict != "shown":
            groups.setdefault((row.level, row.runtime, row.component), []).append(row)
    return sorted(groups.values(), key=lambda group: words.LEVELS.index(group[0].level))


def nearest(rows: Sequence[Row]) -> Row:
    """The row that fell, or came nearest to it: by its margin in shares of its limit."""

    def distance(row: Row) -> tuple[int, float]:
        return words.VERDICTS.index(row.verdict), row.margin / (abs(row.limit or 0) or 1)

    return min(rows, key=distance)


def _line(rows: Sequence[Row]) -> list[RenderableType]:
    row = nearest(rows)
    head: list[RenderableType] = [row.level, escape(row.runtime), escape(row.component)]
    verdict = Text(row.verdict, _COLOURS[row.verdict])
    if row.outcome != "measured":
        why = "crashed" if row.outcome == "crashed" else row.reason
        return [*head, Text(" ".join(why.split())), "", "", "", verdict]
    value, limit = words.measured(row)
    sign = "≥" if row.at_least else "≤"
    passed = sum(row.verdict == "passed" for row in rows)
    name = words.metric(row.metric) + (", baseline" if row.was is not None else "")
    return [*head, Text(name), value, f"{sign} {limit}", f"{passed}/{len(rows)}", verdict]


def _notes(report: Report) -> list[str]:
    return list(report.baseline.notes) if report.baseline else []


def _fallen(report: Report, page: str) -> list[RenderableType]:
    fallen = words.ordered(report.failures)
    lines: list[RenderableType] = [Text("")] if fallen else []
    for row in fallen[:MOST_FALLEN]:
        lines.append(Text.assemble(("✗ ", "red"), f"{row.artifact}: {words.sentence(row)}"))
        lines += [Text(f"    {line}", "dim") for line in words.clues(report, row, page)]
    more = len(fallen) - MOST_FALLEN
    return lines + ([Text(f"… and {more} more")] if more > 0 else [])


def _verdict(report: Report, page: str) -> Text:
    word, colour = ("passed", "bold green") if report.passed else ("FAILED", "bold red")
    text = f": {words.summary(report)}" + (f"; {page}" if page else "")
    return Text.assemble((word, colour), text)
