"""What an evaluation finds, as frozen records.

The other folders put in figures, costs, layers and pictures; out comes a `Report`, which is
`report.json` on disk. `Findings` gathers the records while an evaluation is running.
"""

from __future__ import annotations

from eval.schema.comparison import Comparison
from eval.schema.context import Baseline, Coverage, Environment, Subject
from eval.schema.cost import Cost
from eval.schema.findings import Findings
from eval.schema.layers import Layer, LayerSearch
from eval.schema.report import SCHEMA_VERSION, Report, schema
from eval.schema.row import REFERENCE_RUNTIME, RUN, Against, Level, Row, Verdict, Where
from eval.schema.series import Point, Series

__all__ = [
    "REFERENCE_RUNTIME",
    "RUN",
    "SCHEMA_VERSION",
    "Against",
    "Baseline",
    "Comparison",
    "Cost",
    "Coverage",
    "Environment",
    "Findings",
    "Layer",
    "LayerSearch",
    "Level",
    "Point",
    "Report",
    "Row",
    "Series",
    "Subject",
    "Verdict",
    "Where",
    "schema",
]
