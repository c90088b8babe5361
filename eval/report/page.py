"""A report as one HTML page for people, which needs no other file and no network."""

from __future__ import annotations

import base64
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from eval.errors import ReportError
from eval.report import bars, plots, words
from eval.schema import RUN, Comparison, Layer, LayerSearch, Report, Row, Series
from support import atomic
from support.render import render as fill_in
from support.sizes import size

TEMPLATES = Path(__file__).parent / "templates"
PAGE = "report.html"
NEAR = 3
"""Number of layers that are named before and after the first wrong one."""

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Failed rows of one subject, and links to what the page shows of it, as (label, anchor)."""

    rows: list[Row]
    anchor: str
    links: tuple[tuple[str, str], ...]


def write(report: Report, folder: Path) -> Path:
    """Write `report.html` into the folder that holds the report's pictures, and return its path.

    Raises:
        ReportError: A picture lies outside of the folder or is no PNG file.
    """
    atomic.write(folder / PAGE, render(report, folder).encode())
    return folder / PAGE


def render(report: Report, folder: Path) -> str:
    """The page as HTML, with the pictures of `folder` in it. Equal reports give equal pages."""
    filters: dict[str, Callable[..., str]] = {
        "picture": partial(picture, folder),
        "figure": words.figure,
        "metric": words.metric,
        "unit": words.unit,
        "size": size,
    }
    return fill_in(
        TEMPLATES,
        "page.html.j2",
        filters,
        report=report,
        words=words,
        failures=failures(report),
        rows=words.ordered(row for row in report.rows if row.verdict != "shown"),
        shown=[row for row in report.rows if row.verdict == "shown"],
        several=len({row.against for row in report.rows}) > 1,
        comparisons=comparisons(report),
        curves=numbered_curves(report),
        layers=numbered_layers(report),
        sizes=bars.sizes(report),
        speeds=bars.speeds(report),
        costs=report.costs,
        run=RUN,
        median=statistics.median,
    )


def picture(folder: Path, path: str) -> str:
    """A PNG file as a data URL; "" where there is none.

    Raises:
        ReportError: It lies outside of the folder or is no PNG file.
    """
    try:
        file = (folder / path).resolve()
    except (OSError, RuntimeError, ValueError):  # a path that no file can have
        raise ReportError(f"the report names a picture that cannot be: {path!r}") from None
    if not file.is_relative_to(folder.resolve()):
        raise ReportError(f"the report names a picture outside of its folder: {path}")
    if not file.is_file():
        return ""
    data = file.read_bytes()
    if not data.startswith(_PNG):
        raise ReportError(f"the report names a picture that is no PNG file: {path}")
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def failures(report: Report) -> list[Failure]:
    """Every failed row, the most telling level first."""
    return [
        Failure(rows=rows, anchor=words.anchor(report, rows[0]), links=_links(report, rows[0]))
        for rows in words.failures(report)
    ]


def _links(report: Report, row: Row) -> tuple[tuple[str, str], ...]:
    mine = (row.artifact, row.runtime, row.against)
    found = []
    if any((c.artifact, c.runtime, c.against) == mine for c in report.comparisons):
        found.append(("pictures", pictures_anchor(report, row)))
    for number, group in enumerate(_series(report)):
        alike = row.component == group[0].component or row.level == group[0].level
        if row.artifact == group[0].artifact and alike:
            found.append(("curves", f"curve-{number}"))
            break
    if search := words.search_of(report, row):
        found.append(("layers", f"layers-{report.searches.index(search)}"))
    return tuple(found)


def pictures_anchor(report: Report, row: Row | Comparison) -> str:
    """The anchor of the pictures of an artifact in a runtime."""
    key = (row.artifact, row.runtime, row.against)
    keys = list(dict.fromkeys((c.artifact, c.runtime, c.against) for c in report.comparisons))
    return f"pictures-{keys.index(key)}"


def comparisons(report: Report) -> list[tuple[str, list[Comparison]]]:
    """Pictures of each artifact in each runtime, the worst first, as (anchor, pictures)."""
    groups: dict[str, list[Comparison]] = {}
    for entry in report.comparisons:
        groups.setdefault(pictures_anchor(report, entry), []).append(entry)
    return [
        (anchor, sorted(group, key=lambda c: (c.kind != "worst", c.metrics.get("psnr", 0.0))))
        for anchor, group in groups.items()
    ]


def _series(report: Report) -> list[list[Series]]:
    """The series of each plot, which has one line for each runtime."""

    def plot(entry: Series) -> tuple[str, ...]:
        return entry.artifact, entry.level, entry.component, entry.metric

    ordered = sorted(
        report.series, key=lambda entry: (words.LEVELS.index(entry.level), plot(entry))
    )
    return [list(group) for _, group in groupby(ordered, key=plot)]


def numbered_curves(report: Report) -> list[tuple[str, Series, plots.Plot]]:
    """The plots along the timesteps, as (anchor, one of the series, plot)."""
    made = []
    for number, group in enumerate(_series(report)):
        first = group[0]
        key = (first.artifact, first.level, first.metric)
        gates = [
            row
            for row in report.rows
            if (row.artifact, row.level, row.metric) == key
            and row.component in (first.component, RUN)
        ]
        made.append((f"curve-{number}", first, plots.curves(group, gates)))
    return made


def numbered_layers(report: Report) -> list[tuple[str, LayerSearch, plots.Plot, list[Layer]]]:
    """The plots of layers, as (anchor, search, plot, the layers around the first wrong one)."""
    made = []
    for number, search in enumerate(report.searches):
        names = [layer.name for layer in search.layers]
        index = names.index(search.first) if search.first in names else 0
        near = list(search.layers[max(index - NEAR, 0) : index + NEAR + 1]) if search.first else []
        made.append((f"layers-{number}", search, plots.layers(search), near))
    return made
