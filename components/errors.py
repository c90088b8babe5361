"""Everything that can go wrong in this room.

ComponentsError (ValueError)
├── CheckpointError         the folder is not a checkpoint we can read
├── UnknownPipelineError    model_index.json names a pipeline without a list of components
├── UnknownComponentError   the pipeline has no component of that name
├── InputError              arrays that do not fit a component's inputs
└── ExchangeError           this system or file system cannot exchange two folders in one step
"""

from __future__ import annotations


class ComponentsError(ValueError):
    """Base of the errors a caller can cause; its message is one clear line."""


class CheckpointError(ComponentsError):
    """The folder is not a diffusers checkpoint, or lacks something every checkpoint has."""


class UnknownPipelineError(ComponentsError):
    """`model_index.json` names a pipeline class that nothing here can take apart."""


class UnknownComponentError(ComponentsError):
    """The pipeline has no component of the name asked for."""


class InputError(ComponentsError):
    """Arrays that do not fit a component: a missing name, another shape or dtype."""


class ExchangeError(ComponentsError):
    """Moving one folder away and then the other in would leave a moment without either."""
