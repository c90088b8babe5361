"""The page's plots as inline SVG, which takes its colours from the page, light or dark."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from eval.metrics import metric
from eval.report import words
from eval.schema import LayerSearch, Row, Series

# matplotlib knows no CSS: these colours stand for the page's variables and are replaced in the SVG.
_VARIABLES = {
    "#010203": "var(--ink)",
    "#010204": "var(--line)",
    "#010205": "var(--bad)",
    **{f"#0102{16 + number:02x}": f"var(--series-{number})" for number in range(6)},
}
INK, LINE, BAD, *SERIES = _VARIABLES
_MARKERS = "osD^vP"
_SIZE = (4.4, 2.7)
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.62, 0.08, 0.45, 0.1
"""Margins in inches; matplotlib would find them by drawing everything twice."""
_LEGEND_COLUMNS, _LEGEND_LINE = 3, 0.2

_settings = matplotlib.rc_context(
    # What stands between two $ in a name is no formula.
    {"svg.fonttype": "none", "svg.hashsalt": "eval", "font.size": 9, "text.parse_math": False}
)


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A plot: `svg` shows it, `text` describes it to those who cannot see it."""

    title: str
    svg: str
    text: str


@_settings
def curves(series: Sequence[Series], gates: Sequence[Row]) -> Plot:
    """Plot a metric along the sampler's tables, one line for each runtime: the worst case of each
    step.

    Args:
        series: Series of one artifact, level, component and metric.
        gates: Rows of the same metric, whose limits are drawn.
    """
    first = series[0]
    title = f"{first.component}, {words.metric(first.metric)}"
    figure, axes = _figure(f"{words.metric(first.metric)}, {first.unit}".rstrip(", "))
    shown = [[point.worst for point in entry.points] for entry in series]
    low, high = _range([value for line in shown for value in line] + _limits(gates))
    for number, (entry, line) in enumerate(zip(series, shown, strict=True)):
        _line(axes, entry, [min(max(value, low), high) for value in line], number)
    for limit in _limits(gates):
        axes.axhline(limit, color=BAD, linestyle="--", linewidth=1)
    _ticks(axes, first)
    axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    _legend(figure, axes, len(series))
    name = f"{first.artifact} {first.level} {title}"
    worst = ", ".join(
        f"{_name(entry)} {words.figure(_worst(entry), entry.unit)}" for entry in series
    )
    return Plot(
        title=title, svg=_svg(figure, name), text=f"{title} at every timestep; worst: {worst}"
    )


def _worst(series: Series) -> float:
    return metric(series.metric).worst_of(*(point.worst for point in series.points))


def _limits(gates: Sequence[Row]) -> list[float]:
    return sorted({row.limit for row in gates if row.limit is not None and row.was is None})


def _range(values: Sequence[float]) -> tuple[float, float]:
    """The range of the axis; infinite values are drawn at its ends."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    pad = 0.15 * (high - low) or 0.1 * abs(high) or 1.0
    return low - pad * (-math.inf in values), high + pad * (math.inf in values or low == high)


def _line(axes: Any, series: Series, values: Sequence[float], number: int) -> None:
    """Draw one stroke for each sampler table: there is no step between two tables."""
    colour, marker = SERIES[number % len(SERIES)], _MARKERS[number % len(_MARKERS)]
    start = 0
    for end in range(1, len(values) + 1):
        if end == len(values) or series.points[end].steps != series.points[start].steps:
            label = _name(series) if start == 0 else None
            style = {"color": colour, "marker": marker, "markersize": 4, "linewidth": 1.6}
            axes.plot(range(start, end), values[start:end], label=label, **style)
            start = end


def _name(series: Series) -> str:
    return series.runtime + (", checkpoint" if series.against == "checkpoint" else "")


def _ticks(axes: Any, series: Series) -> None:
    """Put timesteps below the points, and a line where a table begins."""
    every = math.ceil(len(series.points) / 10)
    ticks = range(0, len(series.points), every)
    axes.set_xticks(ticks, [f"{series.points[index].timestep:.0f}" for index in ticks])
    tables = dict.fromkeys(point.steps for point in series.points)
    axes.set_xlabel(f"timestep, in tables of {', '.join(map(str, tables))} steps")
    for index in range(1, len(series.points)):
        if series.points[index].steps != series.points[index - 1].steps:
            axes.axvline(index - 0.5, color=LINE, linewidth=0.8)


@_settings
def layers(search: LayerSearch) -> Plot:
    """Plot the SNR of every layer in the order of computation, and mark the first wrong one."""
    figure, axes = _figure("SNR, dB", (5.4, 2.7))
    values = [layer.snr for layer in search.layers]
    low, high = _range(values)
    drawn = [min(max(value, low), high) for value in values]
    axes.plot(drawn, color=SERIES[0], linewidth=1.2, marker=".", markersize=4)
    names = [layer.name for layer in search.layers]
    if search.first in names:
        index = names.index(search.first)
        axes.axvline(index, color=BAD, linestyle="--", linewidth=1)
        axes.plot([index], [drawn[index]], color=BAD, marker="o", markersize=7)
    axes.set_xlabel("layer, in the order of computation")
    axes.margins(x=0.01)
    title = f"{search.component} in {search.runtime}"
    found = words.first_wrong(search) if search.first else "no layer goes wrong"
    text = f"SNR of {len(names)} layers of {title}: {found}"
    name = f"{search.artifact} {search.against} {title} {search.where}"
    return Plot(title=title, svg=_svg(figure, name), text=text)


def _figure(label: str, size: tuple[float, float] = _SIZE) -> tuple[Figure, Any]:
    width, height = size
    figure = Figure(figsize=size)
    figure.subplots_adjust(
        left=_LEFT / width,
        right=1 - _RIGHT / width,
        bottom=_BOTTOM / height,
        top=1 - _TOP / height,
    )
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, labelsize=8, length=0)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LINE)
    axes.set_ylabel(label, color=INK)
    axes.xaxis.label.set_color(INK)
    return figure, axes


def _legend(figure: Figure, axes: Any, entries: int) -> None:
    """Put the legend above the axes, which make room for it."""
    lines = math.ceil(entries / _LEGEND_COLUMNS)
    figure.subplots_adjust(top=1 - (_TOP + lines * _LEGEND_LINE) / figure.get_figheight())
    position = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, ncols=_LEGEND_COLUMNS, **position)


def _svg(figure: Figure, name: str) -> str:
    """The figure as SVG; names of its parts depend on `name`, to be unique on the page."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt" ', "", text, count=1)
    prefix = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    text = re.sub(r'((?:\bid=|href=)"#?|url\(#)', rf"\g<1>p{prefix}-", text)
    return text.replace("<svg ", '<svg aria-hidden="true" ', 1)
