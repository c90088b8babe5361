"""Level `set`: what the judge reads in a set of avatars, against the reference's set.

Both sets have the same people, styles and seeds. The drop is what the judge reads right in the
reference's pictures and no longer in the artifact's. It is gated for each skin tone by itself, so
that no group pays for the others.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avatar.judge import AvatarTable, Judgement, Scorer, attributes_right
from avatar.people import ATTRIBUTES, STYLES, sample_identity
from eval.levels import Scope
from eval.pipelines.avatar.cases import AvatarCase
from eval.pipelines.avatar.plan import TONES
from eval.schema import Row, Where

STYLE_INDEX = {style.name: index for index, style in enumerate(STYLES)}

ENOUGH = 24
"""With fewer pictures, figures of the set are shown and not gated: three of the 35 readings in six
pictures are 0.086, which is chance where a recipe costs anything at all."""

LEAST = 4
"""With fewer pictures of a skin tone, a single reading would decide its figure."""


def can_be_judged(runs: tuple[AvatarCase, ...]) -> bool:
    """Whether the judge knows all styles; it was trained on the built-in ones."""
    return all(run.style in STYLE_INDEX for run in runs)


def rows(
    scope: Scope, runs: tuple[AvatarCase, ...], expected: Judgement, got: Judgement
) -> list[Row]:
    """Drops in what the judge reads right: attributes, for all and for each skin tone, and styles.

    Args:
        scope: The artifact and the runtime.
        runs: The runs, in the order of the judgements' rows.
        expected: What the judge sees in the reference's pictures.
        got: What it sees in the artifact's.
    """
    people = [sample_identity(run.selfies.person) for run in runs]
    styles = np.array([STYLE_INDEX[run.style] for run in runs])
    before, after = (attributes_right(seen, people, styles) for seen in (expected, got))
    shown = np.stack([before[name] for name in ATTRIBUTES])
    lost = shown - np.stack([after[name] for name in ATTRIBUTES])
    tones = np.array([person.skin_tone for person in people])
    made = [
        scope.row("accuracy_drop", _mean(lost), count=len(runs)),
        scope.row("kind_drop", _mean(before["kind"] - after["kind"]), count=len(runs)),
    ]
    for tone in TONES:
        mine = np.flatnonzero(tones == tone)
        if len(mine) >= LEAST:
            made.append(
                scope.row(
                    "tone_accuracy_drop",
                    _mean(lost[:, mine]),
                    where=Where(detail=f"skin tone {tone}"),
                    count=len(mine),
                )
            )
    return made if len(runs) >= ENOUGH else [replace(row, limit=None) for row in made]


def full_rows(
    scope: Scope,
    runs: tuple[AvatarCase, ...],
    drawn: Judgement,
    expected: Judgement,
    got: Judgement,
) -> list[Row]:
    """Figures that need thousands of pictures: retrieval, Fréchet distance, diversity.

    Args:
        scope: The artifact and the runtime.
        runs: The runs, in the order of the judgements' rows.
        drawn: What the judge sees in the designers' drawings of the same people.
        expected: What it sees in the reference's pictures.
        got: What it sees in the artifact's.
    """
    scorer = Scorer(_avatar_table(runs), drawn)
    before, after = scorer.scores(expected), scorer.scores(got)
    found = {
        "retrieval_drop": before.retrieval - after.retrieval,
        "frechet_rise": after.frechet / max(before.frechet, 1e-9) - 1,
        "diversity_drop": 1 - after.diversity / max(before.diversity, 1e-9),
        "retrieval": after.retrieval,
        "frechet": after.frechet,
        "diversity": after.diversity,
    }
    return [scope.row(name, value, count=len(runs)) for name, value in found.items()]


def _avatar_table(runs: tuple[AvatarCase, ...]) -> AvatarTable:
    """The person and style of each run, and its index among the runs that share both."""
    people = [run.selfies.person for run in runs]
    indices = {person: index for index, person in enumerate(dict.fromkeys(people))}
    sets = [(run.selfies.person, run.style) for run in runs]
    return AvatarTable(
        people=[sample_identity(person) for person in indices],
        persons=np.array([indices[person] for person in people]),
        styles=np.array([STYLE_INDEX[run.style] for run in runs]),
        repeats=np.array([sets[:index].count(one) for index, one in enumerate(sets)]),
    )


def _mean(values: np.ndarray) -> float:
    """The mean of the values that are numbers; 0 where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else 0.0
