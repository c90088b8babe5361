"""The kinds of pipelines there are, and from a checkpoint folder to its components.

A new kind is one file in `components/pipelines/` and one entry in `PIPELINES`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from components.checkpoint import read_index
from components.component import PipelineComponents, Weights
from components.errors import UnknownPipelineError
from support.hub_cache import snapshot

PIPELINES = {
    "AdaptedAvatarPipeline": "adapted_avatar:AdaptedAvatarComponents",
    "AvatarPipeline": "avatar:AvatarComponents",
    "LatentConsistencyModelPipeline": "latent_consistency:LatentConsistencyComponents",
    "StableDiffusionControlNetPipeline": "controlnet:ControlNetComponents",
    "StableDiffusionImg2ImgPipeline": "image_to_image:ImageToImageComponents",
    "StableDiffusionInpaintPipeline": "inpainting:InpaintingComponents",
    "StableDiffusionPipeline": "stable_diffusion:StableDiffusionComponents",
    "StableDiffusionXLControlNetPipeline": "stable_diffusion_xl:XLControlNetComponents",
    "StableDiffusionXLImg2ImgPipeline": "stable_diffusion_xl:RefinerComponents",
    "StableDiffusionXLInpaintPipeline": "stable_diffusion_xl:XLInpaintingComponents",
    "StableDiffusionXLPipeline": "stable_diffusion_xl:StableDiffusionXLComponents",
}
"""For each pipeline class that a `model_index.json` can name a file of `components.pipelines` and
its `PipelineComponents`. They are imported when needed, because Stable Diffusion needs transformers
and avatars do not."""


def load(checkpoint: Path | str, weights: Weights | None = None) -> PipelineComponents:
    """The components of a checkpoint, after a check of what it declares; none is loaded yet.

    Args:
        checkpoint: Its folder, or the folder of a download in Hugging Face's cache.
        weights: Returns the state of each component's module, which then isn't read from files.

    Raises:
        CheckpointError: The folder is not a checkpoint, or not the one that it declares.
        UnknownPipelineError: Its pipeline class is not in `PIPELINES`.
        SnapshotError: The download has no one snapshot.
    """
    folder = snapshot(Path(checkpoint))
    name = read_index(folder)["_class_name"]
    if name not in PIPELINES:
        known = ", ".join(sorted(PIPELINES))
        raise UnknownPipelineError(f"cannot take apart a {name}; known pipelines: {known}")
    module, _, attribute = PIPELINES[name].partition(":")
    pipeline: PipelineComponents = getattr(
        import_module(f"components.pipelines.{module}"), attribute
    )(folder, weights)
    pipeline.check()
    return pipeline
