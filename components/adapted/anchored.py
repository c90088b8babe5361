"""An assembled model as diffusers' own pipeline, which its runs are compared with.

Nothing here computes with the networks of this room but through the weights that they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline, StableDiffusionXLPipeline
from diffusers.models.embeddings import MultiIPAdapterImageProjection
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from components.adapted.latent_decoder import LatentDecoder, doubled
from components.adapted.selfie_encoder import DEVIATION, MEAN, SelfieEncoder
from components.adapted.styled_denoiser import StyledDenoiser
from components.component import Arrays


def pipeline(unet: Any, vae: Any, scheduler: Any) -> Any:
    """diffusers' pipeline of these parts, without text encoders."""
    unet.encoder_hid_proj = MultiIPAdapterImageProjection([nn.Identity()])  # tokens are projected
    unet.register_to_config(encoder_hid_dim_type="ip_image_proj")
    parts = {"vae": vae, "unet": unet, "scheduler": scheduler, "text_encoder": None}
    parts |= {"tokenizer": None}
    if unet.config.addition_embed_type == "text_time":
        return StableDiffusionXLPipeline(
            **parts, text_encoder_2=None, tokenizer_2=None, add_watermarker=False
        )
    absent = {"safety_checker": None, "feature_extractor": None}
    return StableDiffusionPipeline(**parts, **absent, requires_safety_checker=False)


def whole(vae: Any, decoder: LatentDecoder) -> Any:
    """An autoencoder with the weights of a decoder, in place; its encoder has any numbers."""
    if isinstance(vae, AutoencoderTiny):
        vae.decoder.layers = decoder.layers
    else:
        vae.decoder = decoder.layers
        vae.post_quant_conv = decoder.post_quant_conv
    return doubled(vae)


def image_tokens(encoder: SelfieEncoder, config: Mapping[str, Any], inputs: Arrays) -> Tensor:
    """Image tokens (2,T,D) of nobody and of the person, by the libraries' own networks."""
    pictures = torch.tensor(inputs["selfies"][inputs["selfie_mask"] == 1])
    with torch.no_grad():
        found = _features(encoder.network, config, pictures)
        if encoder.pool == "tokens":
            tokens = torch.stack([encoder.projection(one[None])[0] for one in found]).mean(dim=0)
        else:
            tokens = encoder.projection(found.mean(dim=0, keepdim=True))[0]
    return torch.stack([encoder.null_tokens[0], tokens])


def _features(network: Any, config: Mapping[str, Any], pictures: Tensor) -> Tensor:
    """Embeddings or states of pictures, by transformers' own CLIP."""
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    model = _clip(network, config["vision"])
    made = model(pixel_values=(pictures - mean) / deviation)
    return made.last_hidden_state if network.last is None else made.image_embeds


def _clip(network: Any, config: Mapping[str, Any]) -> Any:
    """transformers' model with the weights of a `ClipVision`."""
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(**config)).eval()
    vision, last = model.vision_model, network.last
    vision.embeddings.patch_embedding = network.patches.patch_embedding
    vision.embeddings.position_embedding.weight.copy_(network.patches.place)
    vision.embeddings.class_embedding.zero_()  # it is part of the first place
    vision.pre_layrnorm, vision.encoder.layers = network.norm, network.layers
    if last is not None:
        vision.post_layernorm, model.visual_projection = last[0], last[1]
    return model


def run(
    pipeline: Any,
    denoiser: StyledDenoiser,
    tokens: Tensor,
    *,
    style: int,
    steps: int,
    guidance: float,
    eta: float,
    seed: int,
) -> np.ndarray:
    """One run of diffusers' pipeline.

    Args:
        pipeline: As `pipeline` makes it.
        denoiser: Has the prompts' embeddings.
        tokens: As `image_tokens` gives them.
        style: Index of the style.
        steps: Number of steps.
        guidance: Scale of guidance.
        eta: How much fresh noise a step adds.
        seed: Decides all noise.

    Returns:
        The picture (1,3,H,W) in [0,1].
    """
    guided = guidance > 1 and pipeline.unet.config.time_cond_proj_dim is None
    negative, prompt = denoiser.text[style][:, None]
    arguments: dict[str, Any] = {"prompt_embeds": prompt, "negative_prompt_embeds": negative}
    if denoiser.pooled is not None:
        negative, prompt = denoiser.pooled[style][:, None]
        arguments["pooled_prompt_embeds"] = prompt
        arguments["negative_pooled_prompt_embeds"] = negative
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        **arguments,
        ip_adapter_image_embeds=[tokens[0 if guided else 1 :][:, None]],
        num_inference_steps=steps,
        guidance_scale=guidance,
        eta=eta,
        generator=torch.Generator().manual_seed(seed),
        output_type="pt",
    ).images
    picture: np.ndarray = made.float().numpy()
    return picture
