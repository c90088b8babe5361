"""Stable Diffusion 1 and 2 (arXiv 2112.10752), and what is distilled from them."""

from __future__ import annotations

from typing import Any, ClassVar

from diffusers import StableDiffusionPipeline

from components.declared import Part
from components.diffusion.latent_diffusion import LatentDiffusion
from components.diffusion.parts import SCHEDULER, UNET, UNUSED, VAE, text_part


class StableDiffusionComponents(LatentDiffusion):
    """Draws pictures from text: text encoder, UNet and VAE decoder."""

    library: ClassVar[Any] = StableDiffusionPipeline
    title = "Stable Diffusion"
    corrections: ClassVar[dict[str, Any]] = {"steps_offset": 1, "clip_sample": False}
    index_settings = ("requires_safety_checker",)
    parts: ClassVar[tuple[Part, ...]] = (
        *text_part("text_encoder"),
        UNET,
        VAE,
        SCHEDULER,
        *UNUSED,
    )
