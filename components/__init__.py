"""What can be exported: components of a pipeline, inputs recorded from real runs, and metrics.

In comes a checkpoint folder; out come its components as PyTorch modules with named, fixed inputs
and outputs, and how a whole run joins them. `registry` lists the kinds of pipelines, one file each.
"""

from components.checkpoint import fingerprint
from components.component import (
    Arrays,
    Component,
    PipelineComponents,
    PipelineFacts,
    Runner,
    TensorSpec,
    Weights,
)
from components.errors import (
    CheckpointError,
    ComponentsError,
    InputError,
    UnknownComponentError,
    UnknownPipelineError,
)
from components.recording import Case, Recording, record
from components.registry import load

__all__ = [
    "Arrays",
    "Case",
    "CheckpointError",
    "Component",
    "ComponentsError",
    "InputError",
    "PipelineComponents",
    "PipelineFacts",
    "Recording",
    "Runner",
    "TensorSpec",
    "UnknownComponentError",
    "UnknownPipelineError",
    "Weights",
    "fingerprint",
    "load",
    "record",
]
