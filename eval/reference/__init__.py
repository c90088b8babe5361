"""What a checkpoint gives in PyTorch for every case.

A checkpoint and cases come in; out come recorded runs and recorded calls of each component, kept in
a cache on disk. A `Model` runs the components of any runtime in the same way; each kind of pipeline
has its own.
"""

from __future__ import annotations

from eval.reference.cache import ArrayCache
from eval.reference.held import ComponentFacts, HeldComponents
from eval.reference.model import Call, Model, RecordedRun, evenly_spread
from eval.reference.reference import CODE, MakeModel, Reference

__all__ = [
    "CODE",
    "ArrayCache",
    "Call",
    "ComponentFacts",
    "HeldComponents",
    "MakeModel",
    "Model",
    "RecordedRun",
    "Reference",
    "evenly_spread",
]
