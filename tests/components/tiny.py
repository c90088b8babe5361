"""Tiny pipelines with random weights, saved as checkpoints: real classes, quick to run."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from avatar.model import AvatarPipeline, Decoder, Denoiser, IdentityEncoder, LatentEncoder, Sampler

TOKENS = 16


def save_tiny_avatar(folder: Path, seed: int = 0) -> Path:
    """An `AvatarPipeline` of a few hundred thousand random parameters; boundaries as shipped."""
    torch.manual_seed(seed)
    pipeline = AvatarPipeline(
        identity_encoder=IdentityEncoder(widths=(8, 8, 16, 16, 16), feature_width=32),
        denoiser=Denoiser(widths=(16, 32), embedding_width=32, style_width=16, heads=2),
        decoder=Decoder(widths=(16, 16, 8)),
        latent_encoder=LatentEncoder(),
        sampler=Sampler(steps=2),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def save_tiny_stable_diffusion(folder: Path, seed: int = 0) -> Path:
    """A `StableDiffusionPipeline` with hidden sizes of 32 and a tokenizer of single letters."""
    torch.manual_seed(seed)
    tokenizer = _tokenizer(folder.parent / f"{folder.name}-tokenizer")
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(
            block_out_channels=(32, 32),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            latent_channels=4,
            norm_num_groups=8,
        ),
        text_encoder=CLIPTextModel(_text_config(len(tokenizer))),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(32, 64),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=8,
            norm_num_groups=8,
        ),
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _text_config(vocabulary: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        max_position_embeddings=TOKENS,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )


def _tokenizer(folder: Path) -> CLIPTokenizer:
    folder.mkdir(parents=True)
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{c}</w>" for c in letters)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=TOKENS
    )
