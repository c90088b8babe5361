"""The real optimum opens our folders and draws what diffusers draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

import components
from components.diffusion.example import example_picture
from components.metrics import psnr
from export import verify
from tests.export.layouts.conftest import Laid

pytestmark = pytest.mark.slow

CLASSES = {
    "StableDiffusionPipeline": "ORTStableDiffusionPipeline",
    "StableDiffusionXLPipeline": "ORTStableDiffusionXLPipeline",
    "LatentConsistencyModelPipeline": "ORTLatentConsistencyModelPipeline",
    "StableDiffusionImg2ImgPipeline": "ORTStableDiffusionImg2ImgPipeline",
    "StableDiffusionInpaintPipeline": "ORTStableDiffusionInpaintPipeline",
    "StableDiffusionXLImg2ImgPipeline": "ORTStableDiffusionXLImg2ImgPipeline",
    "StableDiffusionXLInpaintPipeline": "ORTStableDiffusionXLInpaintPipeline",
}
LEAST = 45.0
"""PSNR in dB that fp16 weights leave over a handful of steps."""


def wish(kind: str, **more: Any) -> dict[str, Any]:
    """Arguments of a pipeline of diffusers, and of optimum's of the same name."""
    made: dict[str, Any] = {
        "prompt": "a lighthouse",
        "num_inference_steps": 4,
        "generator": torch.Generator().manual_seed(3),
        "output_type": "np",
    }
    picture = torch.from_numpy(example_picture(1, 32, 32))
    if "Img2Img" in kind or "Inpaint" in kind:
        made["image"] = picture
    if "Inpaint" in kind:
        made["mask_image"] = (picture[:, :1] > 0.5).float()
    if "Inpaint" in kind or kind == "StableDiffusionPipeline":
        made |= {"height": 32, "width": 32}
    return made | more


def drawn(pipeline: Any, arguments: dict[str, Any]) -> np.ndarray:
    pipeline.set_progress_bar_config(disable=True)
    made: np.ndarray = pipeline(**arguments).images
    return made


def opened(folder: Path, kind: str) -> Any:
    optimum = pytest.importorskip("optimum.onnxruntime")
    return getattr(optimum, CLASSES[kind]).from_pretrained(folder)


@pytest.mark.parametrize("kind", CLASSES)
def test_optimum_draws_what_diffusers_draws(kind: str, laid: Laid) -> None:
    exported = laid(kind, "onnx", "optimum")
    theirs = opened(exported.folder, kind)
    ours = components.load(exported.checkpoint).assemble()
    for more in ({}, {"num_images_per_prompt": 2}, {"guidance_scale": 1.0}):
        expected = drawn(ours, wish(kind, **more))
        found = drawn(theirs, wish(kind, **more))
        assert expected.shape == found.shape and len(found) == more.get("num_images_per_prompt", 1)
        assert psnr(expected, found, peak=1.0) >= LEAST, more
