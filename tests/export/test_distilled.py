"""Distilled and otherwise unusual UNets: equal to diffusers' own run, and exported."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel

from export.exporter import Request, export
from export.formats import Options
from export.report import ANCHOR, FINAL_IMAGE

PLAIN, XL = "StableDiffusionPipeline", "StableDiffusionXLPipeline"
COMMON: dict[str, Any] = {"sample_size": 16, "norm_num_groups": 8, "layers_per_block": 1}
TWO: dict[str, Any] = {
    **COMMON,
    "block_out_channels": (32, 64),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 32,
    "attention_head_dim": 8,
}
ADDED: dict[str, Any] = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 32 + 8 * 6,
}
NETWORKS = {
    "BK-SDM-Tiny, no middle block": (PLAIN, {**TWO, "mid_block_type": None}),
    "SSD-1B, transformers of uneven depth": (
        XL,
        {
            **TWO,
            **ADDED,
            "layers_per_block": 2,
            "cross_attention_dim": 64,
            "attention_head_dim": (2, 4),
            "use_linear_projection": True,
            "mid_block_type": "UNetMidBlock2D",
            "transformer_layers_per_block": (1, (2, 2)),
            "reverse_transformer_layers_per_block": ((1, 2, 3), 1),
        },
    ),
    "tiny-sd, one attention up and down": (
        PLAIN,
        {
            **TWO,
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "mid_block_type": None,
        },
    ),
    "times that scale and shift, skips averaged": (
        PLAIN,
        {**TWO, "resnet_time_scale_shift": "scale_shift", "mid_block_scale_factor": 2**0.5},
    ),
}


CASES = [(name, "onnx") for name in NETWORKS] + [(name, "coreml") for name in list(NETWORKS)[:2]]
"""What is exported to which format; Core ML's conversions take longest."""


@pytest.mark.parametrize(("network", "format_"), CASES)
def test_it_is_what_diffusers_runs_and_what_is_exported(
    tiny_checkpoint: Callable[[str], Path], tmp_path: Path, network: str, format_: str
) -> None:
    kind, config = NETWORKS[network]
    folder = Path(shutil.copytree(tiny_checkpoint(kind), tmp_path / "checkpoint"))
    shutil.rmtree(folder / "unet")
    torch.manual_seed(0)
    UNet2DConditionModel(**config).save_pretrained(folder / "unet")
    options, out = Options(ort="none"), tmp_path / "artifact"
    rows = export(Request(checkpoint=folder, format=format_, out=out, options=options))
    assert {ANCHOR, "unet", FINAL_IMAGE} <= {row.name for row in rows}
    assert all(row.passed for row in rows)
