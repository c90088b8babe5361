"""How good the judge itself is: the scores that no generated avatar can exceed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.table import Table

from avatar.judge import Judge, Scorer, judge_images
from avatar.people import ATTRIBUTES, STYLES
from distillation.data import MadeUpPeople
from distillation.errors import RunError
from distillation.report.generation import avatar_table, judge_drawings
from support import atomic

CEILING_FILE = "ceiling.json"

Hits = NDArray[np.float64]


def judge_ceiling(judge: Judge, people: MadeUpPeople) -> dict[str, dict[str, float]]:
    """Score the judge's readings of held-out people's drawings and selfies.

    Returns:
        By kind of picture: the share read right of each attribute that it shows, of all of them
        ("accuracy"), and how often the right one of 100 people is found by their drawing in another
        style ("retrieval"); under "drawings" the same over all styles.
    """
    table, drawn = avatar_table(people), judge_drawings(judge, people)
    scorer = Scorer(table, drawn)
    right, retrieved = scorer.attributes_right(drawn), scorer.retrieved(drawn)
    kinds = {style.name: table.styles == index for index, style in enumerate(STYLES)}
    shares = {
        name: _shares({part: values[rows] for part, values in right.items()}, retrieved[rows])
        for name, rows in {"drawings": table.styles >= 0, **kinds}.items()
    }
    seen = judge_images(judge, torch.from_numpy(people.selfies[:, 0]))
    labels = {"kind": len(STYLES), **dict(zip(ATTRIBUTES, people.labels.T, strict=True))}
    read = {name: seen.probabilities[name].argmax(1) == label for name, label in labels.items()}
    return {**shares, "selfie": {name: float(hits.mean()) for name, hits in read.items()}}


def _shares(right: dict[str, Hits], retrieved: Hits) -> dict[str, float]:
    known = {name: hits for name, hits in right.items() if not np.isnan(hits).all()}
    shown = np.concatenate([hits for name, hits in known.items() if name != "kind"])
    values = {**known, "accuracy": shown, "retrieval": retrieved}
    return {name: float(np.nanmean(hits)) for name, hits in values.items()}


def ceiling_table(ceiling: dict[str, dict[str, float]]) -> Table:
    """Kinds of pictures by attributes; a dash where a style does not show one."""
    names = ("kind", *ATTRIBUTES, "accuracy", "retrieval")
    table = Table("picture", *names)
    for kind, shares in ceiling.items():
        cells = (f"{shares[name]:.1%}" if name in shares else "–" for name in names)
        table.add_row(kind, *cells)
    return table


def write_ceiling(ceiling: dict[str, dict[str, float]], run: Path) -> None:
    """Write what `judge_ceiling` gave into the judge's run, for its model card."""
    atomic.write(run / CEILING_FILE, f"{json.dumps(ceiling, indent=2)}\n".encode())


def read_ceiling(run: Path) -> dict[str, dict[str, float]]:
    """Read what `write_ceiling` wrote.

    Raises:
        RunError: The run has no such file.
    """
    try:
        return dict(json.loads((run / CEILING_FILE).read_bytes()))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{run} holds no trained judge; run: python -m distillation judge"
        ) from error
