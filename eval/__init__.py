"""Does an artifact still do what the PyTorch reference does, everywhere it will run?"""

from __future__ import annotations

from eval.errors import (
    BaselineError,
    EvalError,
    GatesError,
    ReportError,
    StrangerError,
    SubjectError,
    UnavailableError,
    WorkerError,
)
from eval.results import (
    Baseline,
    Comparison,
    Cost,
    Coverage,
    Environment,
    Layer,
    LayerSearch,
    Point,
    Report,
    Row,
    Series,
    Subject,
    Where,
)

__all__ = [
    "Baseline",
    "BaselineError",
    "Comparison",
    "Cost",
    "Coverage",
    "Environment",
    "EvalError",
    "GatesError",
    "Layer",
    "LayerSearch",
    "Point",
    "Report",
    "ReportError",
    "Row",
    "Series",
    "StrangerError",
    "Subject",
    "SubjectError",
    "UnavailableError",
    "Where",
    "WorkerError",
]
