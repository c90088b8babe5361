"""Checkpoints of full size with random weights, made on the spot: nothing is downloaded.

Sizes are those of the published checkpoints. Weights are PyTorch's own initial ones, stored in fp16
as checkpoints usually are; the tokenizer knows single letters, since no speed depends on words.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from examples.assemble.make_parts import attention, plus

TOKENS = 77
VOCABULARY = 49408
SCHEDULE: dict[str, Any] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
}
SD_UNET: dict[str, Any] = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
"""Stable Diffusion 1.5: 860 M parameters."""
XL_UNET: dict[str, Any] = {
    "sample_size": 128,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
"""Stable Diffusion XL: 2.57 G parameters."""

VIT_H: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "patch_size": 14,
    "image_size": 224,
    "projection_dim": 1024,
}
"""CLIP ViT-H/14's image encoder: 632 M parameters."""
AVATAR_TOML = """
base = { path = "base", licence = "CC0-1.0" }
image_encoder = { path = "clip-vit-h", licence = "CC0-1.0" }
decoder = { path = "taesd", licence = "CC0-1.0" }
[adapter]
file = "ip-adapter-plus.safetensors"
licence = "CC0-1.0"
scale = 0.6
[selfies]
places = 4
[sampler]
scheduler = "TCDScheduler"
steps = 4
also = [2, 8]
guidance = 1.6
[[style]]
name = "clay"
prompt = "a clay figure"
negative = "a photo"
licence = "CC0-1.0"
creator = "Nobody"
"""


def save_stable_diffusion(folder: Path, seed: int = 0) -> Path:
    """Write a whole Stable Diffusion 1.5 checkpoint, 2.1 GB; returns its folder."""
    torch.manual_seed(seed)
    with torch.no_grad():
        pipeline = StableDiffusionPipeline(
            vae=_vae(512),
            text_encoder=CLIPTextModel(_text_config(768, 12)).half(),
            tokenizer=_tokenizer(folder.parent / f"{folder.name}-tokenizer"),
            unet=_drawn(lambda: UNet2DConditionModel(**SD_UNET)),
            scheduler=DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **SCHEDULE),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def save_stable_diffusion_xl(folder: Path, seed: int = 0) -> Path:
    """Write a whole Stable Diffusion XL checkpoint, 6.9 GB; returns its folder."""
    torch.manual_seed(seed)
    tokenizer = _tokenizer(folder.parent / f"{folder.name}-tokenizer")
    with torch.no_grad():
        pipeline = StableDiffusionXLPipeline(
            vae=_vae(1024),
            text_encoder=CLIPTextModel(_text_config(768, 12)).half(),
            text_encoder_2=CLIPTextModelWithProjection(_text_config(1280, 32)).half(),
            tokenizer=tokenizer,
            tokenizer_2=tokenizer,
            unet=_drawn(lambda: UNet2DConditionModel(**XL_UNET)),
            scheduler=EulerDiscreteScheduler(**SCHEDULE),
            add_watermarker=False,
        )
    pipeline.save_pretrained(folder, safe_serialization=True, max_shard_size="20GB")
    return folder


def save_avatar_parts(folder: Path, seed: int = 0) -> Path:
    """Write the parts of an avatar model and its `avatar.toml`, whose path is returned; 3.5 GB.

    They are Stable Diffusion 1.5, an IP-Adapter Plus, CLIP's ViT-H, and TAESD.
    """
    save_stable_diffusion(folder / "base", seed)
    _drawn(lambda: CLIPVisionModelWithProjection(CLIPVisionConfig(**VIT_H))).save_pretrained(
        folder / "clip-vit-h"
    )
    AutoencoderTiny().half().save_pretrained(folder / "taesd")
    with init_empty_weights():
        unet = UNet2DConditionModel(**SD_UNET)
    width = SD_UNET["cross_attention_dim"]
    projection = plus(width, reads=VIT_H["hidden_size"], hidden=width, heads=12, tokens=16)
    adapter = {f"image_proj.{name}": value for name, value in projection.items()} | attention(unet)
    halves = {name: value.half().contiguous() for name, value in adapter.items()}
    save_file(halves, folder / "ip-adapter-plus.safetensors")
    file = folder / "avatar.toml"
    file.write_text(AVATAR_TOML, encoding="utf-8")
    return file


def _drawn(make: Callable[[], Any]) -> Any:
    """A network that is never in memory in float32: each weight is drawn in fp16's size."""
    with init_empty_weights():
        network = make()
    state = {}
    for name, empty in network.state_dict().items():
        plain = empty.ndim == 1  # a norm or a bias
        centre = 1.0 if plain and name.endswith("weight") else 0.0
        spread = 0.0 if plain else empty[0].numel() ** -0.5 / 3**0.5  # as PyTorch's own
        state[name] = (torch.randn(empty.shape) * spread + centre).half()
    network.load_state_dict(state, assign=True)
    return network


def _vae(size: int) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=size,
    ).half()


def _text_config(width: int, layers: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=4 * width,
        num_attention_heads=width // 64,
        num_hidden_layers=layers,
        max_position_embeddings=TOKENS,
        projection_dim=width,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )


def _tokenizer(folder: Path) -> CLIPTokenizer:
    folder.mkdir(parents=True, exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{c}</w>" for c in letters)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=TOKENS
    )
