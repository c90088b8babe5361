"""The real optimum opens our folders and draws what diffusers draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import onnx
import pytest
import torch

import components
from components.diffusion.example import example_picture
from components.metrics import psnr
from export import verify
from tests.conftest import Command
from tests.export.layouts.conftest import Laid

pytestmark = pytest.mark.slow

EXPORTED = {
    # An image-to-image checkpoint's folder serves both pipelines.
    "StableDiffusionPipeline": "StableDiffusionImg2ImgPipeline",
    "StableDiffusionImg2ImgPipeline": "StableDiffusionImg2ImgPipeline",
    "StableDiffusionInpaintPipeline": "StableDiffusionInpaintPipeline",
    "StableDiffusionXLPipeline": "StableDiffusionXLPipeline",
    "LatentConsistencyModelPipeline": "LatentConsistencyModelPipeline",
}
"""For each pipeline of diffusers, whose namesake in optimum is tried, the one that is exported."""

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


@pytest.mark.parametrize("kind", EXPORTED)
def test_optimum_draws_what_diffusers_draws(kind: str, laid: Laid) -> None:
    optimum = pytest.importorskip("optimum.onnxruntime")
    exported = laid(EXPORTED[kind], "onnx", "optimum")
    theirs = getattr(optimum, f"ORT{kind}").from_pretrained(exported.folder)
    ours = getattr(diffusers, kind)(**components.load(exported.checkpoint).assemble().components)
    for more in ({}, {"num_images_per_prompt": 2}, {"guidance_scale": 1.0}):
        expected = drawn(ours, wish(kind, **more))
        found = drawn(theirs, wish(kind, **more))
        assert expected.shape == found.shape and len(found) == more.get("num_images_per_prompt", 1)
        assert psnr(expected, found, peak=1.0) >= LEAST, more


def test_the_class_is_found_by_the_folder_itself(laid: Laid) -> None:
    optimum = pytest.importorskip("optimum.onnxruntime")
    exported = laid("LatentConsistencyModelPipeline", "onnx", "optimum")
    opened = optimum.ORTDiffusionPipeline.from_pretrained(exported.folder)
    assert type(opened).__name__ == "ORTLatentConsistencyModelPipeline"


def test_the_folder_holds_what_optimum_reads_and_says_how(laid: Laid) -> None:
    exported = laid("StableDiffusionImg2ImgPipeline", "onnx", "optimum")
    manifest = verify(exported.folder).manifest
    assert manifest.options["layout"] == "optimum"
    folders = {"text_encoder", "unet", "vae_encoder", "vae_decoder"}
    assert {path.parent.name for path in exported.folder.rglob("model.onnx")} == folders
    assert {path.parent.name for path in exported.folder.rglob("config.json")} == folders
    assert "ORTDiffusionPipeline" in (exported.folder / "README.md").read_text()
    model = onnx.load(exported.folder / "unet" / "model.onnx")
    (first, *_), *_ = (
        [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim]
        for i in model.graph.input
    )
    assert first == "batch"


def test_what_reads_our_own_layout_refuses_it_in_one_line(
    laid: Laid, command: Command, tmp_path: Path
) -> None:
    exported = laid("StableDiffusionImg2ImgPipeline", "onnx", "optimum")
    line = "has the layout optimum, which optimum's ORTDiffusionPipeline opens"
    for arguments in (
        ("export", "run", exported.folder, "--prompt", "x"),
        ("eval", exported.folder, "--checkpoint", exported.checkpoint, "--out", tmp_path / "e"),
        ("sdk_bindings", "kotlin", "--artifact", exported.folder, "--out", tmp_path / "sdk"),
    ):
        result = command(*arguments)
        assert result.code == 2, arguments
        assert f"{exported.folder} {line}" in " ".join(result.err.split()), result.err
    assert command("export", "verify", exported.folder).code == 0
