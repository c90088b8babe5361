"""Refusals and measures of selfies as text for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.table import Table

from avatar.selfies.rules import RULES, Photo, Refusal, Rule, measures, nearest


def refusal_lines(paths: Sequence[Path], refusals: Sequence[Refusal]) -> list[str]:
    """One line for each refused selfie, with its file and every rule that it breaks."""
    lines = []
    for index, group in groupby(refusals, key=lambda refusal: refusal.selfie):
        text = "; ".join(_text(paths, refusal) for refusal in group)
        lines.append(f"{paths[index]}: {text}" if index is not None else text)
    return lines


def _text(paths: Sequence[Path], refusal: Refusal) -> str:
    earlier = "" if refusal.earlier is None else f", to {paths[refusal.earlier]}"
    return f"{refusal.message}{earlier}"


def measures_table(
    paths: Sequence[Path],
    photos: Sequence[Photo],
    refusals: Sequence[Refusal],
    rules: Sequence[Rule] = RULES,
) -> Table:
    """The measures as a table: a row for each selfie, a column for each rule, the limits on top.

    A measure that breaks its rule is marked by a cross.
    """
    rules = [rule for rule in rules if rule.name != "count"]
    broken = {(refusal.selfie, refusal.rule) for refusal in refusals}
    made = Table("selfie", *(rule.name for rule in rules), "verdict")
    made.add_row("limits", *(rule.limits for rule in rules), "", end_section=True)
    for index, (path, photo) in enumerate(zip(paths, photos, strict=True)):
        found = measures(photo)
        if index:
            found["difference"] = nearest(photos[:index], photo)[0]
        cells = [_cell(found.get(rule.name), (index, rule.name) in broken) for rule in rules]
        refused = any((index, rule.name) in broken for rule in rules)
        made.add_row(str(path), *cells, "refused" if refused else "good")
    return made


def _cell(value: float | None, broken: bool) -> str:
    return "–" if value is None else f"{value:.3g}{' ✗' if broken else ''}"
