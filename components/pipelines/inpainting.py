"""Stable Diffusion that draws parts of a picture; its UNet takes a mask and what lies around."""

from __future__ import annotations

from typing import Any, ClassVar

from diffusers import StableDiffusionInpaintPipeline

from components.pipelines.stable_diffusion import StableDiffusionComponents


class InpaintingComponents(StableDiffusionComponents):
    """Draws parts of a picture anew: text encoder, VAE encoder, UNet and VAE decoder."""

    library: ClassVar[Any] = StableDiffusionInpaintPipeline
    title = "Stable Diffusion, inpainting"
    corrections: ClassVar[dict[str, Any]] = {
        **StableDiffusionComponents.corrections,
        "skip_prk_steps": True,
    }
    masked = True
