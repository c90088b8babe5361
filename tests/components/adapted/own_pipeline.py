"""Parts of an `avatar.toml` in diffusers' own pipeline, as its documentation says to load them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import AutoencoderTiny, DiffusionPipeline
from safetensors.torch import load_file
from transformers import CLIPVisionModelWithProjection

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]


def own_pipeline(file: Path) -> Any:
    """diffusers' pipeline with image encoder, adapter, LoRAs, decoder and scheduler."""
    asked, at = tomllib.loads(file.read_text(encoding="utf-8")), file.parent
    options = {"use_safetensors": True, "torch_dtype": torch.float32}
    encoder = CLIPVisionModelWithProjection.from_pretrained(
        at / asked["image_encoder"]["path"], **options
    )
    pipeline = DiffusionPipeline.from_pretrained(
        at / asked["base"]["path"], image_encoder=encoder, **options
    )
    if "decoder" in asked:
        pipeline.vae = AutoencoderTiny.from_pretrained(at / asked["decoder"]["path"], **options)
    for index, lora in enumerate(asked.get("lora", ())):
        pipeline.load_lora_weights(str(at), weight_name=lora["file"], adapter_name=str(index))
        pipeline.fuse_lora(lora_scale=lora["strength"], adapter_names=[str(index)])
        pipeline.unload_lora_weights()
    state: dict[str, dict[str, Any]] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in load_file(at / asked["adapter"]["file"]).items():
        group, _, rest = name.partition(".")
        state[group][rest] = tensor
    pipeline.load_ip_adapter(state, subfolder="", weight_name="", image_encoder_folder=None)
    pipeline.set_ip_adapter_scale(asked["adapter"].get("scale", 1.0))
    sampler = asked["sampler"]
    name = sampler.get("scheduler", type(pipeline.scheduler).__name__)
    settings = {**pipeline.scheduler.config, **sampler.get("settings", {})}
    pipeline.scheduler = getattr(diffusers, name).from_config(settings)
    pipeline.set_progress_bar_config(disable=True)
    for part in (pipeline.unet, pipeline.vae, pipeline.image_encoder):
        part.eval().requires_grad_(False)
    return pipeline


def pictures_of(selfies: np.ndarray, mask: np.ndarray) -> torch.Tensor:
    """The selfies that are there as diffusers takes them: normalised by CLIP's numbers."""
    return (torch.from_numpy(selfies[mask > 0]) - MEAN) / STD


def drawn(
    pipeline: Any, file: Path, style: int, steps: int, seed: int, **images: Any
) -> np.ndarray:
    """One run, with noise that diffusers draws itself: (1,3,H,W) in [0,1]."""
    asked = tomllib.loads(file.read_text(encoding="utf-8"))
    wanted = asked["style"][style]
    made = pipeline(
        wanted["prompt"],
        negative_prompt=wanted.get("negative"),
        num_inference_steps=steps,
        guidance_scale=float(asked["sampler"]["guidance"]),
        eta=asked["sampler"].get("eta", 0.0),
        generator=torch.Generator().manual_seed(seed),
        output_type="pt",
        **images,
    )
    return made.images.numpy()
