"""What users change in a pipeline: the run is still diffusers' own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderTiny

import components
from components import CheckpointError
from components.diffusion.latent_diffusion import LatentDiffusion
from components.overlay import Changes, overlaid
from tests.field_reports.test_anchors import anchored, edit

Tiny = Callable[[str], Path]


def opened(folder: Path) -> LatentDiffusion:
    pipeline = components.load(folder)
    assert isinstance(pipeline, LatentDiffusion)
    return pipeline


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("StableDiffusionPipeline", Changes(batch=3)),
        ("StableDiffusionPipeline", Changes(size=(48, 32))),
        ("StableDiffusionPipeline", Changes(guidance=0.0, steps=(1, 4))),  # Turbo
        ("StableDiffusionPipeline", Changes(pipeline="StableDiffusionImg2ImgPipeline")),
        ("StableDiffusionImg2ImgPipeline", Changes(strength=0.8, batch=2)),
        ("StableDiffusionImg2ImgPipeline", Changes(strength=1.0, size=(32, 48))),
        ("StableDiffusionImg2ImgPipeline", Changes(strength=0.15)),
        ("StableDiffusionImg2ImgPipeline", Changes(strength=0.015)),  # none of 50 steps is left
        ("StableDiffusionInpaintPipeline", Changes(batch=2, size=(48, 32))),
        ("StableDiffusionControlNetPipeline", Changes(batch=2)),
        ("LatentConsistencyModelPipeline", Changes(guidance=2.5, batch=2)),
        ("StableDiffusionXLPipeline", Changes(batch=2, size=(32, 48))),
        ("StableDiffusionXLPipeline", Changes(guidance=0.0)),
    ],
    ids=str,
)
def test_a_changed_run_equals_the_librarys_own(
    tiny_checkpoint: Tiny, kind: str, changes: Changes
) -> None:
    with overlaid(tiny_checkpoint(kind), changes) as folder:
        pipeline = opened(folder)
        assert anchored(pipeline).passed
        batch = changes.batch or 1
        assert pipeline.flow.picture[0] == pipeline.flow.latents[0] == batch
        if changes.size:
            assert pipeline.flow.picture[:1:-1] == changes.size


def copied(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "checkpoint"))


@pytest.mark.parametrize(
    ("kind", "scheduler", "fields"),
    [
        ("StableDiffusionXLPipeline", "EulerAncestralDiscreteScheduler", {}),
        ("StableDiffusionXLPipeline", "TCDScheduler", {"clip_sample": False}),
        ("StableDiffusionXLImg2ImgPipeline", "DPMSolverMultistepScheduler", {}),
        ("StableDiffusionXLImg2ImgPipeline", "EulerAncestralDiscreteScheduler", {}),
        ("StableDiffusionImg2ImgPipeline", "HeunDiscreteScheduler", {}),
        ("StableDiffusionImg2ImgPipeline", "PNDMScheduler", {"skip_prk_steps": True}),
        ("StableDiffusionImg2ImgPipeline", "LCMScheduler", {}),
        ("StableDiffusionInpaintPipeline", "PNDMScheduler", {"skip_prk_steps": False}),
        (
            "StableDiffusionPipeline",
            "DDIMScheduler",
            {
                "prediction_type": "v_prediction",
                "rescale_betas_zero_snr": True,
                "timestep_spacing": "trailing",
            },
        ),
    ],
)
def test_so_does_one_with_another_scheduler(
    tiny_checkpoint: Tiny, tmp_path: Path, kind: str, scheduler: str, fields: dict[str, Any]
) -> None:
    checkpoint = copied(tiny_checkpoint(kind), tmp_path)
    edit(checkpoint / "model_index.json", scheduler=["diffusers", scheduler])
    config = {"_class_name": scheduler, "beta_schedule": "scaled_linear", **fields}
    (checkpoint / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    assert anchored(opened(checkpoint)).passed


@pytest.mark.parametrize("kind", ["StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"])
def test_so_does_one_with_a_tiny_autoencoder(
    tiny_checkpoint: Tiny, tmp_path: Path, kind: str
) -> None:
    torch.manual_seed(0)
    AutoencoderTiny(
        encoder_block_out_channels=(16, 16),
        decoder_block_out_channels=(16, 16),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    ).save_pretrained(tmp_path / "taesd")
    with overlaid(tiny_checkpoint(kind), Changes(vae=tmp_path / "taesd")) as folder:
        assert anchored(opened(folder)).passed


def test_so_does_one_with_means_and_deviations_of_latents(
    tiny_checkpoint: Tiny, tmp_path: Path
) -> None:
    for kind in ("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline"):
        checkpoint = copied(tiny_checkpoint(kind), tmp_path / kind)
        means = {"latents_mean": [0.1, -0.2, 0.3, 0.0], "latents_std": [1.1, 0.9, 1.3, 0.7]}
        edit(checkpoint / "vae" / "config.json", **means)
        assert anchored(opened(checkpoint)).passed


@pytest.mark.parametrize(
    ("kind", "file", "fields", "names"),
    [
        (
            "StableDiffusionPipeline",
            "unet/config.json",
            {"in_channels": 9},
            "in_channels = 9, expected 4 as the VAE's latents have; one with 9 draws parts of a",
        ),
        (
            "StableDiffusionInpaintPipeline",
            "unet/config.json",
            {"in_channels": 4},
            "in_channels = 4, expected 9 for latents, mask and masked picture",
        ),
        (
            "StableDiffusionXLPipeline",
            "model_index.json",
            {"requires_aesthetics_score": True},
            "takes 6 time ids, expected 5 as requires_aesthetics_score = True",
        ),
        (
            "StableDiffusionXLPipeline",
            "unet/config.json",
            {"addition_embed_type": "text"},
            "addition_embed_type = 'text', expected none or 'text_time'",
        ),
        (
            "StableDiffusionControlNetPipeline",
            "controlnet/config.json",
            {"cross_attention_dim": 48},
            "takes text of width 48, expected 32",
        ),
        (
            "LatentConsistencyModelPipeline",
            "unet/config.json",
            {"time_cond_proj_dim": None},
            "has no time_cond_proj_dim, expected a UNet that takes the scale of guidance",
        ),
        (
            "LatentConsistencyModelPipeline",
            "scheduler/scheduler_config.json",
            {"clip_sample": True},
            "has clip_sample, which clips what it predicts",
        ),
        (
            "StableDiffusionXLPipeline",
            "text_encoder_2/config.json",
            {"hidden_size": 48},
            "takes text of width 64, expected 80",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_one_line(
    tiny_checkpoint: Tiny,
    tmp_path: Path,
    kind: str,
    file: str,
    fields: dict[str, Any],
    names: str,
) -> None:
    checkpoint = copied(tiny_checkpoint(kind), tmp_path)
    edit(checkpoint / file, **fields)
    with pytest.raises(CheckpointError) as caught:
        components.load(checkpoint)
    assert names in str(caught.value) and "\n" not in str(caught.value)
