"""From a checkpoint folder to the list of its components."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from components.checkpoint import read_index
from components.component import PipelineComponents, Weights
from components.errors import UnknownPipelineError

# Pipeline class in model_index.json -> the class that takes it apart. Imported when asked for:
# a Stable Diffusion checkpoint needs transformers, an avatar checkpoint does not.
PIPELINES = {
    "AvatarPipeline": "components.avatar:AvatarComponents",
    "StableDiffusionPipeline": "components.stable_diffusion:StableDiffusionComponents",
}


def load(checkpoint: Path | str, weights: Weights | None = None) -> PipelineComponents:
    """The components of a checkpoint; no weights are read yet.

    Args:
        checkpoint: Its folder.
        weights: Gives the state of each component's module instead of the checkpoint's own files.

    Raises:
        CheckpointError: The folder is not a checkpoint.
        UnknownPipelineError: Its pipeline has no list of components here.
    """
    folder = Path(checkpoint)
    name = read_index(folder)["_class_name"]
    if name not in PIPELINES:
        known = ", ".join(sorted(PIPELINES))
        raise UnknownPipelineError(f"cannot take apart a {name}; known pipelines: {known}")
    module, _, attribute = PIPELINES[name].partition(":")
    pipeline: PipelineComponents = getattr(import_module(module), attribute)(folder, weights)
    return pipeline
