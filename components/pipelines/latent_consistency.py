"""Latent consistency models (arXiv 2310.04378): pictures in a handful of steps."""

from __future__ import annotations

from typing import Any, ClassVar

from diffusers import LatentConsistencyModelPipeline

from components.errors import CheckpointError
from components.pipelines.stable_diffusion import StableDiffusionComponents


class LatentConsistencyComponents(StableDiffusionComponents):
    """Draws pictures from text in a few steps; guidance is an input of the UNet."""

    library: ClassVar[Any] = LatentConsistencyModelPipeline
    title = "Latent consistency model"
    default_guidance = 8.5
    corrections: ClassVar[dict[str, Any]] = {}

    def _check_networks(self) -> None:
        super()._check_networks()
        if self._config("unet").get("time_cond_proj_dim") is None:
            raise CheckpointError(
                f"{self._path('unet')} has no time_cond_proj_dim, expected a UNet that takes the "
                f"scale of guidance; one without it belongs to a StableDiffusionPipeline"
            )
