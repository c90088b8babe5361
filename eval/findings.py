"""What pieces of an evaluation find, gathered."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from eval.results import Comparison, Cost, LayerSearch, Row, Series


@dataclass
class Findings:
    """What has been found so far.

    Attributes:
        rows, series, searches, costs, comparisons: As in `Report`.
        pictures: PNG files by their path in the report's folder.
    """

    rows: list[Row] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    searches: list[LayerSearch] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)

    def add(self, other: Findings) -> None:
        """Take over everything that another piece found."""
        for place in fields(self):
            mine, theirs = getattr(self, place.name), getattr(other, place.name)
            if isinstance(mine, dict):
                mine.update(theirs)
            else:
                mine.extend(theirs)
