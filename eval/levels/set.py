"""A set of avatars before the judge, against the reference's set: the same people, styles, seeds.

What the judge reads right in the reference's pictures and no longer in the artifact's is the drop;
it is gated for each skin tone by itself, so that no group pays for the others.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avatar.judge import AvatarTable, Judgement, Scorer, attributes_right
from avatar.people import ATTRIBUTES, STYLES, sample_identity
from eval.cases import Ask
from eval.plan import TONES
from eval.results import Row, Where
from eval.tally import Scope

STYLE_INDEX = {style.name: place for place, style in enumerate(STYLES)}

ENOUGH = 24
"""Pictures below which figures of the set are shown and not gated: of 35 readings in six pictures
three are 0.086, which is chance where a recipe costs anything at all."""

LEAST = 4
"""Pictures of a skin tone below which a single reading would decide its figure."""


def can_be_judged(asks: tuple[Ask, ...]) -> bool:
    """Whether the judge knows all styles: it was trained on the built-in ones."""
    return all(ask.style in STYLE_INDEX for ask in asks)


def rows(scope: Scope, asks: tuple[Ask, ...], expected: Judgement, got: Judgement) -> list[Row]:
    """Drops in what is read right: of attributes, over all and for each skin tone, and of styles.

    Args:
        scope: Artifact and runtime.
        asks: The runs, row by row as in the judgements.
        expected: What the judge sees in the reference's pictures.
        got: What it sees in the artifact's.
    """
    people = [sample_identity(ask.shown.person) for ask in asks]
    styles = np.array([STYLE_INDEX[ask.style] for ask in asks])
    before, after = (attributes_right(seen, people, styles) for seen in (expected, got))
    shown = np.stack([before[name] for name in ATTRIBUTES])
    lost = shown - np.stack([after[name] for name in ATTRIBUTES])
    tones = np.array([person.skin_tone for person in people])
    made = [
        scope.row("accuracy_drop", _mean(lost), count=len(asks)),
        scope.row("kind_drop", _mean(before["kind"] - after["kind"]), count=len(asks)),
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
    return made if len(asks) >= ENOUGH else [replace(row, limit=None) for row in made]


def full_rows(
    scope: Scope, asks: tuple[Ask, ...], drawn: Judgement, expected: Judgement, got: Judgement
) -> list[Row]:
    """Figures that need thousands of pictures: retrieval, Fréchet distance, diversity.

    `drawn` is what the judge sees in the designers' drawings of the same people.
    """
    scorer = Scorer(_avatar_table(asks), drawn)
    before, after = scorer.scores(expected), scorer.scores(got)
    found = {
        "retrieval_drop": before.retrieval - after.retrieval,
        "frechet_rise": after.frechet / max(before.frechet, 1e-9) - 1,
        "diversity_drop": 1 - after.diversity / max(before.diversity, 1e-9),
        "retrieval": after.retrieval,
        "frechet": after.frechet,
        "diversity": after.diversity,
    }
    return [scope.row(name, value, count=len(asks)) for name, value in found.items()]


def _avatar_table(asks: tuple[Ask, ...]) -> AvatarTable:
    """The person and style of each run, and its index among the runs that share both."""
    people = [ask.shown.person for ask in asks]
    indices = {person: index for index, person in enumerate(dict.fromkeys(people))}
    sets = [(ask.shown.person, ask.style) for ask in asks]
    return AvatarTable(
        people=[sample_identity(person) for person in indices],
        persons=np.array([indices[person] for person in people]),
        styles=np.array([STYLE_INDEX[ask.style] for ask in asks]),
        repeats=np.array([sets[:index].count(one) for index, one in enumerate(sets)]),
    )


def _mean(values: np.ndarray) -> float:
    """The mean of those that are numbers; 0 where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else 0.0
