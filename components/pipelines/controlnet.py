"""Stable Diffusion with a ControlNet (arXiv 2302.05543)."""

from __future__ import annotations

from typing import Any, ClassVar

from diffusers import StableDiffusionControlNetPipeline

from components.declared import Part
from components.pipelines.stable_diffusion import StableDiffusionComponents

CONTROLNET = Part(name="controlnet", libraries=("diffusers",), classes=("ControlNetModel",))


class ControlNetComponents(StableDiffusionComponents):
    """Draws pictures from text that follow another picture: its edges, its depth, a pose."""

    library: ClassVar[Any] = StableDiffusionControlNetPipeline
    title = "Stable Diffusion with a ControlNet"
    corrections: ClassVar[dict[str, Any]] = {}
    controlled = True
    parts: ClassVar[tuple[Part, ...]] = (*StableDiffusionComponents.parts, CONTROLNET)
