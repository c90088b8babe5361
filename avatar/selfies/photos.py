"""Selfie files held against the rules, and what is said of them on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from rich.table import Table

from avatar.errors import SelfieCountError
from avatar.selfies.faces import Detector
from avatar.selfies.picture_file import open_upright, to_srgb
from avatar.selfies.preparation import prepare_selfie
from avatar.selfies.rules import (
    RULES,
    Array,
    Photo,
    Refusal,
    Rule,
    check_count,
    measures,
    nearest,
)


def read_photos(paths: Sequence[Path], detector: Detector | None) -> list[Photo]:
    """Selfie files as the rules see them, in the order given.

    Raises a `SelfieError`: of a wrong number of paths, or of the first file that cannot be used.
    """
    if check_count(len(paths)):
        raise SelfieCountError(f"{len(paths)} selfies, expected {_limits(RULES[0])}")
    return [read_photo(path, detector) for path in paths]


def read_photo(path: Path, detector: Detector | None) -> Photo:
    """One selfie file. Raises a `SelfieError` whose message names it."""
    image = open_upright(path)
    return Photo(
        width=image.width,
        height=image.height,
        pixels=prepare_selfie(image),
        faces=None if detector is None else detector(to_srgb(image)),
    )


def stack_photos(photos: Sequence[Photo]) -> Array:
    """What the model takes: (n,3,128,128)."""
    return np.stack([photo.pixels for photo in photos])


def refusal_lines(paths: Sequence[Path], refusals: Sequence[Refusal]) -> list[str]:
    """One line for each selfie that is refused: its file, and every rule that it breaks."""
    told = []
    for index, group in groupby(refusals, key=lambda refusal: refusal.selfie):
        said = "; ".join(_said(paths, refusal) for refusal in group)
        told.append(f"{paths[index]}: {said}" if index is not None else said)
    return told


def _said(paths: Sequence[Path], refusal: Refusal) -> str:
    like = "" if refusal.earlier is None else f", to {paths[refusal.earlier]}"
    return f"{refusal.message}{like}"


def measures_table(
    paths: Sequence[Path], photos: Sequence[Photo], refusals: Sequence[Refusal]
) -> Table:
    """A row a selfie and a column a rule, with the limits on top; what is refused is marked."""
    rules = [rule for rule in RULES if rule.name != "count"]
    broken = {(refusal.selfie, refusal.rule) for refusal in refusals}
    made = Table("selfie", *(rule.name for rule in rules), "verdict")
    made.add_row("limits", *map(_limits, rules), "", end_section=True)
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


def _limits(rule: Rule) -> str:
    if rule.min is None:
        return f"at most {rule.max:g}"
    if rule.max is None:
        return f"at least {rule.min:g}"
    return f"{rule.min:g}" if rule.min == rule.max else f"{rule.min:g} to {rule.max:g}"
