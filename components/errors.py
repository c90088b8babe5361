"""Everything that can go wrong in this room.

ComponentsError (UserError)
├── CheckpointError         the folder is not a checkpoint that can be read
├── UnknownPipelineError    model_index.json names a pipeline without a list of components
├── UnknownComponentError   the pipeline has no component of that name
├── OverlayError            a change that was asked for does not fit the checkpoint
├── AssemblyError           parts of an avatar.toml are missing, or do not go together
└── InputError              arrays do not fit a component's inputs
"""

from __future__ import annotations

from support.errors import UserError


class ComponentsError(UserError):
    """Base of the errors a caller can cause; its message is one clear line."""


class CheckpointError(ComponentsError):
    """The folder is not a diffusers checkpoint, or lacks something every checkpoint has."""


class UnknownPipelineError(ComponentsError):
    """`model_index.json` names a pipeline class that `registry.PIPELINES` does not have."""


class UnknownComponentError(ComponentsError):
    """The pipeline has no component of the name asked for."""


class OverlayError(ComponentsError):
    """A LoRA, part, size or class that was asked for does not fit the checkpoint."""


class AssemblyError(ComponentsError):
    """An `avatar.toml` cannot be read, or its parts are missing or do not go together."""


class InputError(ComponentsError):
    """Arrays do not fit a component: a name is missing, or a shape or dtype differs."""
