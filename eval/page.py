"""A report as one HTML page that a person can read: it needs no other file and no network."""

from __future__ import annotations

import base64
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from eval import plots, words
from eval.errors import ReportError
from eval.results import (
    REFERENCE_RUNTIME,
    RUN,
    Comparison,
    Cost,
    Layer,
    LayerSearch,
    Report,
    Row,
    Series,
)
from support import atomic
from support.render import render as fill_in
from support.sizes import size

TEMPLATES = Path(__file__).parent / "templates"
PAGE = "report.html"
NEAR = 3
"""Layers that are named before and after the first wrong one."""

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Fallen:
    """Rows of one place that failed, and where the page shows more of it: (what, anchor)."""

    rows: list[Row]
    anchor: str
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar of `share` of the longest, in [0,1]; `limit` is where its gate stands."""

    label: str
    text: str
    share: float
    limit: float | None = None
    fell: bool = False


def write(report: Report, folder: Path) -> Path:
    """Write `report.html` into the folder that holds the report's pictures; gives its path.

    Raises:
        ReportError: A picture lies outside of the folder or is no PNG file.
    """
    atomic.write(folder / PAGE, render(report, folder).encode())
    return folder / PAGE


def render(report: Report, folder: Path) -> str:
    """The page's HTML, the pictures of `folder` in it. Equal reports give equal pages."""
    filters: dict[str, Callable[..., str]] = {
        "picture": partial(picture, folder),
        "figure": words.figure,
        "metric": words.metric,
        "size": size,
    }
    return fill_in(
        TEMPLATES,
        "page.html.j2",
        filters,
        report=report,
        words=words,
        fallen=fallen(report),
        rows=words.ordered(row for row in report.rows if row.verdict != "shown"),
        shown=[row for row in report.rows if row.verdict == "shown"],
        comparisons=comparisons(report),
        curves=numbered_curves(report),
        layers=numbered_layers(report),
        sizes=sizes(report),
        speeds=speeds(report),
        costs=report.costs,
        run=RUN,
        median=statistics.median,
    )


def picture(folder: Path, path: str) -> str:
    """A PNG file as a data URL; "" where it is not there.

    Raises:
        ReportError: It lies outside of the folder or is no PNG file.
    """
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise ReportError(f"the report names a picture outside of its folder: {path}")
    if not file.is_file():
        return ""
    data = file.read_bytes()
    if not data.startswith(_PNG):
        raise ReportError(f"the report names a picture that is no PNG file: {path}")
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def fallen(report: Report) -> list[Fallen]:
    """Every row that failed, most telling level first."""
    return [
        Fallen(rows=rows, anchor=words.anchor(report, rows[0]), links=_links(report, rows[0]))
        for rows in words.fallen(report)
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
    """Where the pictures of an artifact in a runtime stand."""
    key = (row.artifact, row.runtime, row.against)
    keys = list(dict.fromkeys((c.artifact, c.runtime, c.against) for c in report.comparisons))
    return f"pictures-{keys.index(key)}"


def comparisons(report: Report) -> list[tuple[str, list[Comparison]]]:
    """By artifact, runtime and what they are compared with, worst first: (anchor, pictures)."""
    groups: dict[str, list[Comparison]] = {}
    for entry in report.comparisons:
        groups.setdefault(pictures_anchor(report, entry), []).append(entry)
    return [
        (anchor, sorted(group, key=lambda c: (c.kind != "worst", c.metrics.get("psnr", 0.0))))
        for anchor, group in groups.items()
    ]


def _series(report: Report) -> list[list[Series]]:
    """What shares a plot: everything but the runtime."""

    def plot(entry: Series) -> tuple[str, ...]:
        return entry.artifact, entry.level, entry.component, entry.metric

    ordered = sorted(
        report.series, key=lambda entry: (words.LEVELS.index(entry.level), plot(entry))
    )
    return [list(group) for _, group in groupby(ordered, key=plot)]


def numbered_curves(report: Report) -> list[tuple[str, Series, plots.Plot]]:
    """(anchor, one of the series, plot)."""
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
    """(anchor, search, plot, the layers around the first that is wrong)."""
    made = []
    for number, search in enumerate(report.searches):
        names = [layer.name for layer in search.layers]
        place = names.index(search.first) if search.first in names else 0
        near = list(search.layers[max(place - NEAR, 0) : place + NEAR + 1]) if search.first else []
        made.append((f"layers-{number}", search, plots.layers(search), near))
    return made


def sizes(report: Report) -> list[tuple[str, list[Bar]]]:
    """By artifact: bytes of each component's files in each runtime, and of what an app ships, for
    every kind of model file, with the ceiling of that kind."""
    groups = []
    for subject in report.subjects:
        costs = [c for c in report.costs if c.artifact == subject.name and c.component != RUN]
        parts = [(f"{c.component}, {c.runtime}", c.file_bytes) for c in costs if c.file_bytes]
        whole = [row for row in report.rows if _of_all_files(row, subject.name)]
        ends = [row.limit or 0 for row in whole] + [row.value for row in whole]
        longest = max([*(count for _, count in parts), *ends, subject.bytes]) or 1
        bars = [Bar(label=n, text=size(b), share=b / longest) for n, b in parts]
        if not whole:
            share = subject.bytes / longest
            bars.append(Bar(label="as shipped", text=size(subject.bytes), share=share))
        groups.append((subject.name, [*bars, *(_shipped(row, longest) for row in whole)]))
    return groups


def _of_all_files(row: Row, artifact: str) -> bool:
    """Whether it is about all of an artifact's model files of a kind."""
    mine = row.artifact == artifact and row.component == RUN and row.was is None
    return mine and (row.level, row.metric) == ("size", "bytes")


def _shipped(row: Row, longest: float) -> Bar:
    text, limit = size(round(row.value)), None
    if row.limit is not None:
        text, limit = f"{text} of {size(round(row.limit))}", row.limit / longest
    fell = row.verdict == "failed"
    label = f"as shipped, {row.runtime}"
    return Bar(label=label, text=text, share=row.value / longest, limit=limit, fell=fell)


def speeds(report: Report) -> list[tuple[str, list[Bar]]]:
    """By component: the median warm call in each runtime, PyTorch's first."""
    found: dict[str, list[Cost]] = {}
    for cost in sorted(report.costs, key=lambda cost: cost.runtime != REFERENCE_RUNTIME):
        name = f"a set of {cost.avatars} avatars" if cost.component == RUN else cost.component
        if cost.warm:
            found.setdefault(name, []).append(cost)
    return [(name, _timed(costs)) for name, costs in found.items()]


def _timed(costs: list[Cost]) -> list[Bar]:
    """Artifacts are named where two ran in the same runtime."""
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
