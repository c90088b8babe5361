"""Tiny pipelines with random weights, saved as checkpoints: real classes, quick to run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from avatar.model import AvatarPipeline, Decoder, Denoiser, IdentityEncoder, LatentEncoder, Sampler
from components.adapted.assembly import assemble
from examples.assemble.make_parts import make_parts

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
    return _saved(folder, StableDiffusionPipeline(**_plain_parts(folder)))


def save_tiny_image_to_image(folder: Path, seed: int = 0) -> Path:
    """The same, as a `StableDiffusionImg2ImgPipeline`."""
    torch.manual_seed(seed)
    return _saved(folder, StableDiffusionImg2ImgPipeline(**_plain_parts(folder)))


def save_tiny_inpainting(folder: Path, seed: int = 0) -> Path:
    """The same with a UNet of 9 channels, as a `StableDiffusionInpaintPipeline`."""
    torch.manual_seed(seed)
    parts = {**_plain_parts(folder), "unet": _unet(in_channels=9)}
    return _saved(folder, StableDiffusionInpaintPipeline(**parts))


def save_tiny_latent_consistency(folder: Path, seed: int = 0) -> Path:
    """The same with a UNet that takes the scale of guidance."""
    torch.manual_seed(seed)
    parts = {
        **_plain_parts(folder),
        "unet": _unet(time_cond_proj_dim=16),
        "scheduler": LCMScheduler(beta_schedule="scaled_linear", clip_sample=False),
    }
    return _saved(folder, LatentConsistencyModelPipeline(**parts))


def save_tiny_controlnet(folder: Path, seed: int = 0) -> Path:
    """The same with a ControlNet whose last convolutions are not zero."""
    torch.manual_seed(seed)
    parts = {**_plain_parts(folder), "controlnet": _controlnet()}
    return _saved(folder, StableDiffusionControlNetPipeline(**parts))


def save_tiny_stable_diffusion_xl(folder: Path, seed: int = 0) -> Path:
    """A `StableDiffusionXLPipeline` with hidden sizes of 32."""
    torch.manual_seed(seed)
    return _saved(folder, StableDiffusionXLPipeline(**_xl_parts(folder), add_watermarker=False))


def save_tiny_refiner(folder: Path, seed: int = 0) -> Path:
    """A refiner of Stable Diffusion XL: one text encoder, and an aesthetic score."""
    torch.manual_seed(seed)
    parts = {
        **_xl_parts(folder),
        "text_encoder": None,
        "tokenizer": None,
        "unet": _xl_unet(text=32, numbers=5),
    }
    pipeline = StableDiffusionXLImg2ImgPipeline(
        **parts,
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )
    return _saved(folder, pipeline)


def save_tiny_xl_inpainting(folder: Path, seed: int = 0) -> Path:
    """A `StableDiffusionXLInpaintPipeline` with a UNet of 9 channels."""
    torch.manual_seed(seed)
    parts = {**_xl_parts(folder), "unet": _xl_unet(in_channels=9)}
    return _saved(folder, StableDiffusionXLInpaintPipeline(**parts, add_watermarker=False))


def save_tiny_xl_controlnet(folder: Path, seed: int = 0) -> Path:
    """A `StableDiffusionXLControlNetPipeline`."""
    torch.manual_seed(seed)
    parts = {
        **_xl_parts(folder),
        "controlnet": _controlnet(cross_attention_dim=64, **_xl_embeddings(6)),
    }
    return _saved(folder, StableDiffusionXLControlNetPipeline(**parts, add_watermarker=False))


def save_tiny_adapted_avatar(folder: Path) -> Path:
    """An `AdaptedAvatarPipeline` of the example's parts."""
    file = make_parts(folder.parent / f"{folder.name}-parts")
    return assemble(file, folder)


PIPELINES: dict[str, Callable[[Path], Path]] = {
    "AdaptedAvatarPipeline": save_tiny_adapted_avatar,
    "AvatarPipeline": save_tiny_avatar,
    "LatentConsistencyModelPipeline": save_tiny_latent_consistency,
    "StableDiffusionControlNetPipeline": save_tiny_controlnet,
    "StableDiffusionImg2ImgPipeline": save_tiny_image_to_image,
    "StableDiffusionInpaintPipeline": save_tiny_inpainting,
    "StableDiffusionPipeline": save_tiny_stable_diffusion,
    "StableDiffusionXLControlNetPipeline": save_tiny_xl_controlnet,
    "StableDiffusionXLImg2ImgPipeline": save_tiny_refiner,
    "StableDiffusionXLInpaintPipeline": save_tiny_xl_inpainting,
    "StableDiffusionXLPipeline": save_tiny_stable_diffusion_xl,
}
"""For each kind of pipeline what saves a tiny checkpoint of it."""


def _saved(folder: Path, pipeline: DiffusionPipeline) -> Path:
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _plain_parts(folder: Path) -> dict[str, Any]:
    tokenizer = _tokenizer(folder.parent / f"{folder.name}-tokenizer")
    return {
        "vae": _vae(),
        "text_encoder": CLIPTextModel(_text_config(len(tokenizer))),
        "tokenizer": tokenizer,
        "unet": _unet(),
        "scheduler": DDIMScheduler(
            beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
        ),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }


def _xl_parts(folder: Path) -> dict[str, Any]:
    tokenizer = _tokenizer(folder.parent / f"{folder.name}-tokenizer")
    config = _text_config(len(tokenizer))
    return {
        "vae": _vae(),
        "text_encoder": CLIPTextModel(config),
        "text_encoder_2": CLIPTextModelWithProjection(config),
        "tokenizer": tokenizer,
        "tokenizer_2": _tokenizer(folder.parent / f"{folder.name}-tokenizer-2"),
        "unet": _xl_unet(),
        "scheduler": EulerDiscreteScheduler(
            beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1
        ),
    }


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(32, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=8,
    )


def _unet(**fields: Any) -> UNet2DConditionModel:
    settings = {"cross_attention_dim": 32, "attention_head_dim": 8, **fields}
    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=8,
        **settings,
    )


def _xl_unet(*, text: int = 64, numbers: int = 6, **fields: Any) -> UNet2DConditionModel:
    return _unet(
        cross_attention_dim=text,
        attention_head_dim=[2, 4],
        transformer_layers_per_block=[1, 2],
        use_linear_projection=True,
        **_xl_embeddings(numbers),
        **fields,
    )


def _xl_embeddings(numbers: int) -> dict[str, Any]:
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 32 + 8 * numbers,
    }


def _controlnet(**fields: Any) -> ControlNetModel:
    settings = {"cross_attention_dim": 32, "attention_head_dim": 8, **fields}
    network = ControlNetModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        norm_num_groups=8,
        # As many halvings as the VAE has.
        conditioning_embedding_out_channels=(8, 16),
        **settings,
    )
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.startswith("controlnet_") or "conv_out" in name:
                weight.normal_(std=0.2)
    return network


def _text_config(vocabulary: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        max_position_embeddings=TOKENS,
        projection_dim=32,
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
