"""The report as tables for the terminal, and the worst group of each figure."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from avatar.judge import Scores
from distillation.report.comparison import FIGURES, Report, targets


def worst_group(groups: Mapping[str, Scores], figure: str) -> tuple[str, float]:
    """The class with the worst value of a field of `Scores`, and that value."""
    values = {name: float(getattr(scores, figure)) for name, scores in groups.items()}
    pick = max if figure == "frechet" else min
    name = pick(values, key=values.__getitem__)
    return name, values[name]


def report_tables(report: Report) -> list[Table]:
    """Figures of each model, the worst group of each, and the targets, for the terminal."""
    figures = Table(
        "", "steps", "selfies", "calls", "GMAC", "seconds", *FIGURES, title="all people"
    )
    figures.add_row("drawn", *"–" * 5, *_cells(report.drawn))
    for entry in (*report.models, *report.curve):
        spent = (f"{entry.calls}", f"{entry.gmac:.2f}", f"{entry.seconds:.2f}")
        numbers = (f"{entry.steps}", f"{entry.selfies}", *spent)
        few = "" if entry.by_group else f", {report.curve_people} people"
        figures.add_row(f"{entry.name}{few}", *numbers, *_cells(entry.scores))
    groups = Table("", "steps", "by", *FIGURES, title="the worst group")
    for name, steps, by_group in report.grouped():
        for attribute, scored in by_group.items():
            found = (worst_group(scored, figure) for figure in FIGURES)
            groups.add_row(name, steps, attribute, *(f"{v:.3f} {g}" for g, v in found))
    aims = Table("target", "measured", "wanted", "", title="targets")
    for target in targets(report):
        bound = f"{'≤' if target.at_most else '≥'} {target.wanted:g}"
        aims.add_row(target.what, f"{target.measured:.3f}", bound, "yes" if target.holds else "NO")
    return [figures, groups, aims]


def _cells(scores: Scores) -> list[str]:
    return [f"{getattr(scores, figure):.3f}" for figure in FIGURES]
