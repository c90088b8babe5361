"""All scores of many avatars, by comparison with drawings of the same people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.judge.network import Judgement
from avatar.judge.scores import attributes_right, diversity, frechet_distance, retrieval
from avatar.people import ATTRIBUTES, STYLES, Identity

AMONG = 100
"""Number of people among whom retrieval looks for the right one."""

GROUPED_BY = ("skin_tone", "hair_class")
"""Attributes by whose classes scores are grouped."""

Index = NDArray[np.integer]


@dataclass(frozen=True, kw_only=True)
class AvatarTable:
    """Which avatars were made, one row for each.

    Attributes:
        people: Who the people are.
        persons: Index of each row's person in `people`, (n,).
        styles: Index of each row's style, (n,).
        repeats: Index of each row among the avatars of the same person and style, (n,).
    """

    people: Sequence[Identity]
    persons: Index
    styles: Index
    repeats: Index

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.persons)

    def __getitem__(self, rows: Index) -> AvatarTable:
        """The table of some of the rows."""
        return AvatarTable(
            people=self.people,
            persons=self.persons[rows],
            styles=self.styles[rows],
            repeats=self.repeats[rows],
        )

    @property
    def sets(self) -> Index:
        """A number (n,) that avatars of one person in one style share."""
        return self.persons * len(STYLES) + self.styles

    def groups(self, attribute: str) -> dict[str, Index]:
        """Indices of rows by the class of an attribute that their person has."""
        labels = np.array([person.labels[attribute] for person in self.people])[self.persons]
        names = ATTRIBUTES[attribute]
        return {names[label]: np.flatnonzero(labels == label) for label in np.unique(labels)}


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of a set of pictures.

    Attributes:
        pictures: Number of pictures.
        attributes: For "kind" (the style) and each attribute the share, in [0,1], of the pictures
            that show it in which it is read right.
        accuracy: The same share over all attributes together, without the kind.
        retrieval: Share of pictures whose person is found among `AMONG` people.
        frechet: Fréchet distance to the drawings, in units of the judge's features.
        diversity: Mean distance between two avatars of one person in one style, in these units.
    """

    pictures: int
    attributes: dict[str, float]
    accuracy: float
    retrieval: float
    frechet: float
    diversity: float


class Scorer:
    """Scores judgements of avatars by comparison with the judgement of drawings.

    Avatars and drawings have the same table: row i of both shows the same person in the same style.
    """

    def __init__(self, table: AvatarTable, drawn: Judgement) -> None:
        """`drawn` is the judgement of the designers' drawings, row by row as `table`."""
        self.table, self.drawn = table, drawn
        self.everyone: Index = np.arange(len(table))

    def attributes_right(self, seen: Judgement) -> dict[str, NDArray[np.float64]]:
        """By "kind" and attribute: 1 where read right, 0 where not, NaN where not shown; (n,)."""
        people = [self.table.people[person] for person in self.table.persons]
        return attributes_right(seen, people, self.table.styles)

    def retrieved(self, seen: Judgement) -> NDArray[np.float64]:
        """Whether each picture's person is found by their drawing in another style, (n,).

        1 where the right one of `AMONG` people is the most similar, 0 where another is, NaN where
        the other style cannot draw the person.
        """
        table, hits = self.table, np.full(len(self.table), np.nan)
        for style in range(len(STYLES)):
            other = (style + 1) % len(STYLES)
            gallery = {
                table.persons[row]: row
                for row in np.flatnonzero((table.styles == other) & (table.repeats == 0))
            }
            for repeat in np.unique(table.repeats):
                mine = np.flatnonzero((table.styles == style) & (table.repeats == repeat))
                mine = np.array([row for row in mine if table.persons[row] in gallery], int)
                if len(mine):
                    theirs = np.array([gallery[person] for person in table.persons[mine]])
                    hits[mine] = retrieval(seen[mine], self.drawn[theirs], AMONG)
        return hits

    def scores(self, seen: Judgement) -> Scores:
        """Scores over all rows of `seen`, the judgement of avatars row by row as the table."""
        return self._scores(seen, self.attributes_right(seen), self.retrieved(seen), self.everyone)

    def by_group(self, seen: Judgement) -> dict[str, dict[str, Scores]]:
        """Scores for each class of each attribute in `GROUPED_BY`.

        A group's Fréchet distance is of few pictures, which makes it larger than that of all;
        compare it with the same group's only.
        """
        right, retrieved = self.attributes_right(seen), self.retrieved(seen)
        return {
            attribute: {
                name: self._scores(seen, right, retrieved, rows)
                for name, rows in self.table.groups(attribute).items()
            }
            for attribute in GROUPED_BY
        }

    def frechet_floor(self) -> float:
        """Fréchet distance between two halves of the drawings: what perfect avatars would get."""
        odd = self.table.repeats % 2 == 1
        if not odd.any():  # one drawing of each: half of the people against the other half
            odd = self.table.persons % 2 == 1
        return frechet_distance(self.drawn.features[~odd], self.drawn.features[odd])

    def _scores(
        self,
        seen: Judgement,
        right: dict[str, NDArray[np.float64]],
        retrieved: NDArray[np.float64],
        rows: Index,
    ) -> Scores:
        """Scores over some rows, from what the two methods above gave for all rows."""
        shown = np.stack([right[name][rows] for name in ATTRIBUTES])
        return Scores(
            pictures=len(rows),
            attributes={
                name: float(np.nanmean(part[rows]))
                for name, part in right.items()
                if not np.isnan(part[rows]).all()
            },
            accuracy=_mean(shown),
            retrieval=_mean(retrieved[rows]),
            frechet=frechet_distance(self.drawn.features[rows], seen.features[rows]),
            diversity=diversity(seen.features[rows], self.table.sets[rows]),
        )


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of the values that are not NaN; NaN where all are."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
