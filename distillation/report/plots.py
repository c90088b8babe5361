"""The report's plots, as SVG that takes its text colour from the page."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure

from distillation.report.comparison import Report

COLOURS = {"drawn": "#8a8f98", "teacher": "#3b7dd8", "student": "#e0793b"}
INK = "#010203"
"""Placeholder for the page's text colour, because matplotlib has no `currentColor`."""


def attributes(report: Report, steps: int, teacher_steps: int) -> str:
    """Bars: the share of each attribute read right in drawings and in avatars."""
    shown = {
        "drawn": report.drawn,
        f"teacher, {teacher_steps} steps": report.entry("teacher", teacher_steps).scores,
        f"student, {steps} steps": report.entry("student", steps).scores,
    }
    figure, axes = _figure(7.2, 3.2)
    names = list(report.drawn.attributes)
    for index, (title, scores) in enumerate(shown.items()):
        values = [100 * scores.attributes[name] for name in names]
        where = [tick + 0.27 * (index - 1) for tick in range(len(names))]
        axes.bar(where, values, 0.25, label=title, color=COLOURS[title.split(",")[0]])
    axes.set_xticks(range(len(names)), [name.replace("_", "\n") for name in names])
    axes.set_ylabel("read right, %")
    axes.set_ylim(0, 100)
    axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
    return _svg(figure)


def by_steps(report: Report, teacher_steps: int) -> str:
    """A curve: the student's Fréchet distance by steps, beside the teacher's and the floor."""
    figure, axes = _figure(3.6, 2.8)
    students = [entry for entry in report.models if entry.name == "student"]
    steps = [entry.steps for entry in students]
    distances = [entry.scores.frechet for entry in students]
    axes.plot(steps, distances, "o-", color=COLOURS["student"], label="student")
    teacher = report.entry("teacher", teacher_steps).scores.frechet
    axes.axhline(teacher, color=COLOURS["teacher"], label=f"teacher, {teacher_steps} steps")
    axes.axhline(report.floor, color=COLOURS["drawn"], ls=":", label="half of drawings to half")
    axes.set_xticks(steps)
    axes.set_xlabel("steps")
    axes.set_ylabel("Fréchet distance")
    axes.set_ylim(0)
    axes.legend(frameon=False, fontsize=8)
    return _svg(figure)


def by_selfies(report: Report) -> str:
    """The identity curve: the student's accuracy and retrieval by number of selfies."""
    figure, axes = _figure(3.6, 2.8)
    counts = [entry.selfies for entry in report.curve]
    for figure_name, style in (("accuracy", "o-"), ("retrieval", "s--")):
        values = [100 * getattr(entry.scores, figure_name) for entry in report.curve]
        axes.plot(counts, values, style, color=COLOURS["student"], label=f"student, {figure_name}")
        ceiling = 100 * getattr(report.drawn, figure_name)
        axes.axhline(ceiling, color=COLOURS["drawn"], ls=style[1:], label=f"drawn, {figure_name}")
    axes.set_xticks(counts)
    axes.set_xlabel("selfies")
    axes.set_ylabel("%")
    axes.set_ylim(0, 100)
    axes.legend(frameon=False, fontsize=7)
    return _svg(figure)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, labelsize=8)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(INK)
    return figure, axes


def _svg(figure: Figure) -> str:
    for axes in figure.axes:
        if legend := axes.get_legend():
            for label in legend.get_texts():
                label.set_color(INK)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue().replace(INK, "currentColor")
    return text[text.index("<svg") :]
