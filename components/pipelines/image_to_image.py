"""Stable Diffusion that begins with a picture (SDEdit, arXiv 2108.01073)."""

from __future__ import annotations

from typing import Any, ClassVar

from diffusers import StableDiffusionImg2ImgPipeline

from components.pipelines.stable_diffusion import StableDiffusionComponents


class ImageToImageComponents(StableDiffusionComponents):
    """Draws a picture anew, from text: text encoder, VAE encoder, UNet and VAE decoder."""

    library: ClassVar[Any] = StableDiffusionImg2ImgPipeline
    title = "Stable Diffusion, image to image"
    begins_with_picture = True
