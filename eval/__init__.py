"""Fidelity: does an artifact still do what the PyTorch reference does, everywhere it will run?

Artifacts and the checkpoint come in; out comes a `Report`: weights, components, trajectories,
pictures and sets of avatars, each figure beside its gate.
"""

from __future__ import annotations

from eval.errors import (
    BaselineError,
    EvalError,
    GatesError,
    OtherCheckpointError,
    ReportError,
    SubjectError,
    WorkerError,
)
from eval.schema import (
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
    "OtherCheckpointError",
    "Point",
    "Report",
    "ReportError",
    "Row",
    "Series",
    "Subject",
    "SubjectError",
    "Where",
    "WorkerError",
]
