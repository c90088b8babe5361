"""What a checkpoint gives in PyTorch for every case.

A checkpoint and cases come in; out come recorded runs and recorded calls of each component, kept in
a cache on disk. `RunnableModel` runs the components of any runtime in the same way.
"""

from __future__ import annotations

from eval.reference.cache import ArrayCache
from eval.reference.model import RecordedRun, RunnableModel
from eval.reference.reference import CODE, Call, Reference
from eval.reference.selfies import RenderedSelfies

__all__ = [
    "CODE",
    "ArrayCache",
    "Call",
    "RecordedRun",
    "Reference",
    "RenderedSelfies",
    "RunnableModel",
]
