"""Stable Diffusion XL (arXiv 2307.01952): base, refiner, and what is distilled from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from diffusers import (
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
)

from components.declared import Part
from components.diffusion import unet
from components.diffusion.latent_diffusion import LatentDiffusion
from components.diffusion.parts import SCHEDULER, UNET, UNUSED, VAE, text_part
from components.errors import CheckpointError
from components.pipelines.controlnet import CONTROLNET

_AESTHETIC_SCORES = {"time_ids": 6.0, "negative_time_ids": 2.5}
"""What diffusers asks for, and what it wants to avoid."""


class StableDiffusionXLComponents(LatentDiffusion):
    """Draws pictures from text: two text encoders, UNet and VAE decoder."""

    library: ClassVar[Any] = StableDiffusionXLPipeline
    title = "Stable Diffusion XL"
    default_guidance = 5.0
    reads_last_layer = False
    normalised = True
    index_settings = (
        "force_zeros_for_empty_prompt",
        "requires_aesthetics_score",
        "add_watermarker",
    )
    parts: ClassVar[tuple[Part, ...]] = (
        *text_part("text_encoder"),
        *text_part("text_encoder_2"),
        UNET,
        VAE,
        SCHEDULER,
        *UNUSED[1:],
    )

    def _settings(self) -> dict[str, Any]:
        height, width = self._image.shape[2:]
        size = [float(height), float(width), 0.0, 0.0]
        rows = {
            name: [*size, score] if self._scored else [*size, *size[:2]]
            for name, score in _AESTHETIC_SCORES.items()
        }
        zeros = {"empty_prompt": "zeros"} if self._zeros else {}
        return {**super()._settings(), **zeros, **rows}

    @property
    def _scored(self) -> bool:
        """Whether the UNet takes an aesthetic score instead of the wanted size."""
        return bool(self._index().get("requires_aesthetics_score", False))

    @property
    def _zeros(self) -> bool:
        """Whether an empty negative prompt counts as zeros."""
        return bool(self._index().get("force_zeros_for_empty_prompt", True))

    def _check_added(self, config: Mapping[str, Any], path: Path) -> None:
        if config.get("addition_embed_type") != "text_time":
            raise CheckpointError(
                f"{path} has addition_embed_type = {config.get('addition_embed_type')!r}, "
                f"expected 'text_time' as a network of Stable Diffusion XL has"
            )
        assert self._conditions.pooled is not None
        expected = 5 if self._scored else 6
        if (found := unet.time_ids(config, self._conditions.pooled)) != expected:
            raise CheckpointError(
                f"{path} takes {found} time ids, expected {expected} as "
                f"requires_aesthetics_score = {self._scored} in model_index.json says"
            )

    def _library_settings(self) -> dict[str, Any]:
        return {"add_watermarker": False}


class RefinerComponents(StableDiffusionXLComponents):
    """Draws a picture anew, from text: text encoders, VAE encoder, UNet and VAE decoder."""

    library: ClassVar[Any] = StableDiffusionXLImg2ImgPipeline
    title = "Stable Diffusion XL, image to image"
    begins_with_picture = True
    parts: ClassVar[tuple[Part, ...]] = (
        *text_part("text_encoder", needed=False),
        *text_part("text_encoder_2"),
        UNET,
        VAE,
        SCHEDULER,
        *UNUSED[1:],
    )


class XLInpaintingComponents(RefinerComponents):
    """Draws parts of a picture anew: text encoders, VAE encoder, UNet and VAE decoder."""

    library: ClassVar[Any] = StableDiffusionXLInpaintPipeline
    title = "Stable Diffusion XL, inpainting"
    begins_with_picture = False
    masked = True


class XLControlNetComponents(StableDiffusionXLComponents):
    """Draws pictures from text that follow another picture: its edges, its depth, a pose."""

    library: ClassVar[Any] = StableDiffusionXLControlNetPipeline
    title = "Stable Diffusion XL with a ControlNet"
    controlled = True
    parts: ClassVar[tuple[Part, ...]] = (*StableDiffusionXLComponents.parts, CONTROLNET)
