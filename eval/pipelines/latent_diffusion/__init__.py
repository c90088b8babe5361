"""What an evaluation knows of Stable Diffusion and its kin: runs from text to a picture.

A list of prompts comes in; out come runs whose every call is recorded, over any runtime, and the
comparison with the library's own pipeline.
"""

from __future__ import annotations

from eval.pipelines.latent_diffusion.cases import PromptCase, PromptCases

__all__ = ["PromptCase", "PromptCases"]
