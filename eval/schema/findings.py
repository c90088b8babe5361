"""Records that the tasks of an evaluation have found so far."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from eval.schema.comparison import Comparison
from eval.schema.cost import Cost
from eval.schema.layers import LayerSearch
from eval.schema.row import Row
from eval.schema.series import Series


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
        """Append everything that `other` holds."""
        for entry in fields(self):
            mine, theirs = getattr(self, entry.name), getattr(other, entry.name)
            if isinstance(mine, dict):
                mine.update(theirs)
            else:
                mine.extend(theirs)
