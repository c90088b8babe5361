"""The whole judgement of a set of avatars, beside the drawings of the same people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.judge.network import Judgement
from avatar.judge.scores import attributes_right, diversity, frechet_distance, retrieval
from avatar.people import ATTRIBUTES, STYLES, Identity

AMONG = 100
"""How many people the right one is looked for among."""

GROUPED_BY = ("skin_tone", "hair_class")

Index = NDArray[np.integer]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which avatars were made: row i shows `people[owners[i]]` in style `styles[i]`, and is number
    `copies[i]` of its set (0, 1, …). Owners and styles (n,) are indices."""

    people: Sequence[Identity]
    owners: Index
    styles: Index
    copies: Index

    def __len__(self) -> int:
        return len(self.owners)

    def __getitem__(self, rows: Index) -> Asked:
        """Some of the rows."""
        return Asked(
            people=self.people,
            owners=self.owners[rows],
            styles=self.styles[rows],
            copies=self.copies[rows],
        )

    @property
    def sets(self) -> Index:
        """(n,) the same number for avatars of one person in one style."""
        return self.owners * len(STYLES) + self.styles

    def groups(self, attribute: str) -> dict[str, Index]:
        """Rows by the class that their person has of `attribute`."""
        labels = np.array([person.labels[attribute] for person in self.people])[self.owners]
        names = ATTRIBUTES[attribute]
        return {names[label]: np.flatnonzero(labels == label) for label in np.unique(labels)}


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Shares in [0,1]; distances in units of the judge's features, which are this project's own.

    `attributes` gives for "kind" (the style) and each attribute the share of pictures that show it
    in which it is read right; `accuracy` is the same over all that is shown, the kind left out.
    """

    pictures: int
    attributes: dict[str, float]
    accuracy: float
    retrieval: float
    frechet: float
    diversity: float


class Examiner:
    """Compares judgements of avatars with that of the drawings, all of the same `asked`."""

    def __init__(self, asked: Asked, drawn: Judgement) -> None:
        """`drawn`: what the judge sees in the designers' drawings, row by row as `asked`."""
        self.asked, self.drawn = asked, drawn
        self.everyone: Index = np.arange(len(asked))

    def right(self, seen: Judgement) -> dict[str, NDArray[np.float64]]:
        """By "kind" and attribute: 1 where read right, 0 where not, NaN where not shown; (n,)."""
        people = [self.asked.people[owner] for owner in self.asked.owners]
        return attributes_right(seen, people, self.asked.styles)

    def found(self, seen: Judgement) -> NDArray[np.float64]:
        """(n,) 1 where, of `AMONG` people's drawings in another style, the right one is the most
        alike; NaN where that style can't draw the person."""
        asked, hits = self.asked, np.full(len(self.asked), np.nan)
        for style in range(len(STYLES)):
            other = (style + 1) % len(STYLES)
            gallery = {
                asked.owners[row]: row
                for row in np.flatnonzero((asked.styles == other) & (asked.copies == 0))
            }
            for copy in np.unique(asked.copies):
                mine = np.flatnonzero((asked.styles == style) & (asked.copies == copy))
                mine = np.array([row for row in mine if asked.owners[row] in gallery], int)
                if len(mine):
                    theirs = np.array([gallery[owner] for owner in asked.owners[mine]])
                    hits[mine] = retrieval(seen[mine], self.drawn[theirs], AMONG)
        return hits

    def scores(self, seen: Judgement) -> Scores:
        """Of all pictures. `seen` is of pictures made for `asked`, row by row."""
        return self._scores(seen, self.right(seen), self.found(seen), self.everyone)

    def by_group(self, seen: Judgement) -> dict[str, dict[str, Scores]]:
        """The same for each skin tone and for each hair class. A group's Fréchet distance rests on
        few pictures, so it is larger than that of all; compare it with the same group's only."""
        right, found = self.right(seen), self.found(seen)
        return {
            attribute: {
                name: self._scores(seen, right, found, rows)
                for name, rows in self.asked.groups(attribute).items()
            }
            for attribute in GROUPED_BY
        }

    def floor(self) -> float:
        """Fréchet distance between two halves of the drawings: what a perfect set would get."""
        odd = self.asked.copies % 2 == 1
        if not odd.any():  # one drawing of each: half of the people against the other half
            odd = self.asked.owners % 2 == 1
        return frechet_distance(self.drawn.features[~odd], self.drawn.features[odd])

    def _scores(
        self,
        seen: Judgement,
        right: dict[str, NDArray[np.float64]],
        found: NDArray[np.float64],
        rows: Index,
    ) -> Scores:
        shown = np.stack([right[name][rows] for name in ATTRIBUTES])
        return Scores(
            pictures=len(rows),
            attributes={
                name: float(np.nanmean(part[rows]))
                for name, part in right.items()
                if not np.isnan(part[rows]).all()
            },
            accuracy=_mean(shown),
            retrieval=_mean(found[rows]),
            frechet=frechet_distance(self.drawn.features[rows], seen.features[rows]),
            diversity=diversity(seen.features[rows], self.asked.sets[rows]),
        )


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of those that are numbers; NaN where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
