"""Tiny pipelines of each kind in the layout of the original Stable Diffusion, in one file.

Their vocabulary is CLIP's, because a single file brings no tokenizer; everything else is small.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from components.overlay.single_file import read_kind
from tests.components.overlay import original_layout

WIDTH = 64
"""Width of text: one head of CLIP's."""
TEXT = {
    "sd1": {"text_encoder": "cond_stage_model.transformer."},
    "sd2": {"text_encoder": "cond_stage_model.model."},
    "sdxl": {
        "text_encoder": "conditioner.embedders.0.transformer.",
        "text_encoder_2": "conditioner.embedders.1.model.",
    },
    "sdxl_refiner": {"text_encoder_2": "conditioner.embedders.0.model."},
}


def tiny_modules(kind: str, *, channels: int = 4, seed: int = 0, **unet: Any) -> dict[str, Any]:
    """The parts with weights of a tiny pipeline, as the published ones are built."""
    torch.manual_seed(seed)
    published = read_kind(kind)
    modules: dict[str, Any] = {}
    for part in TEXT[kind]:
        config = CLIPTextConfig(
            **published[part]
            | {
                "hidden_size": WIDTH,
                "intermediate_size": 96,
                "num_attention_heads": 1,
                "num_hidden_layers": 2,
            }
            | ({"projection_dim": 48} if part == "text_encoder_2" else {})
        )
        large = part == "text_encoder_2"
        modules[part] = (CLIPTextModelWithProjection if large else CLIPTextModel)(config)
    modules["unet"] = UNet2DConditionModel.from_config(
        published["unet"] | tiny_unet(kind, channels) | unet
    )
    modules["vae"] = AutoencoderKL.from_config(
        published["vae"]
        | {
            "block_out_channels": [32, 32],
            "down_block_types": ["DownEncoderBlock2D"] * 2,
            "up_block_types": ["UpDecoderBlock2D"] * 2,
            "layers_per_block": 1,
        }
    )
    return {part: module.eval() for part, module in modules.items()}


def tiny_unet(kind: str, channels: int) -> dict[str, Any]:
    """What differs between the UNet of a tiny pipeline and the published one."""
    if kind == "sd1":
        return {
            "in_channels": channels,
            "block_out_channels": [32, 64],
            "layers_per_block": 1,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
            "cross_attention_dim": WIDTH,
        }
    config = {
        "in_channels": channels,
        "block_out_channels": [64, 128],
        "layers_per_block": 1,
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
        "cross_attention_dim": WIDTH * (2 if kind == "sdxl" else 1),
        "attention_head_dim": [1, 2],
    }
    if kind.startswith("sdxl"):
        numbers = 6 if kind == "sdxl" else 5
        config |= {
            # The first block has no attention: the number is the published one.
            "transformer_layers_per_block": [1 if kind == "sdxl" else 4, 2],
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 48 + 8 * numbers,
        }
    return config


def original_state(kind: str, modules: dict[str, Any]) -> dict[str, torch.Tensor]:
    """All weights under the names of the original layout, with what such files hold besides."""
    state: dict[str, torch.Tensor] = {}
    layers = modules["unet"].config.layers_per_block
    parts = {
        "model.diffusion_model.": original_layout.unet(modules["unet"].state_dict(), layers),
        "first_stage_model.": original_layout.vae(
            modules["vae"].state_dict(),
            len(modules["vae"].config.block_out_channels),
            lambda tensor: tensor[:, :, None, None],
        ),
    }
    for part, prefix in TEXT[kind].items():
        own = modules[part].state_dict()
        if prefix.endswith("transformer."):
            positions = {"text_model.embeddings.position_ids": torch.arange(77)[None]}
            # Which some programs save as well.
            parts[prefix] = own | positions | {"text_projection.weight": torch.eye(WIDTH)}
        else:
            parts[prefix] = original_layout.open_clip(own)
        if kind == "sd2":  # its last layer and projection, which are not used
            last = {k: v for k, v in parts[prefix].items() if ".resblocks.1." in k}
            parts[prefix] |= {k.replace(".1.", ".2.", 1): v + 1 for k, v in last.items()}
            parts[prefix] |= {"text_projection": torch.ones(WIDTH, WIDTH)}
    for prefix, tensors in parts.items():
        state |= {f"{prefix}{name}": tensor.contiguous() for name, tensor in tensors.items()}
    state["betas"] = torch.zeros(3)
    state["model_ema.decay"] = torch.zeros(())
    return state


def save_original(
    path: Path,
    kind: str,
    modules: dict[str, Any],
    *,
    dtype: torch.dtype = torch.float32,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a single file."""
    state = {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for name, tensor in original_state(kind, modules).items()
    }
    save_file(state, path, metadata)
    return path
