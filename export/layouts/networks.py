"""What several layouts need of the networks of latent diffusion: the names of others, raw values.

`components/diffusion/` has the networks as this project's runs join them: scaling and the range of
pictures are inside the autoencoder, and a text encoder gives what the UNet reads. Other software
does those steps itself and wants what diffusers' own models give.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from components import Arrays, Component, TensorSpec
from components.diffusion.text_encoders import PenultimateHidden

UNET_INPUTS = {
    "timestep": "timestep",
    "text_embeddings": "encoder_hidden_states",
    "guidance_embedding": "timestep_cond",
    "time_ids": "time_ids",
    "pooled_text": "text_embeds",
}
"""For inputs of a UNet their names in diffusers, but for what is joined to its `sample`."""

SAMPLE = ("latents", "mask", "masked_latents")
"""Inputs of a UNet that diffusers joins along the channels."""


def sample_parts(component: Component) -> tuple[TensorSpec, ...]:
    """The inputs of a UNet or a ControlNet that `sample` is made of, in order."""
    return tuple(spec for spec in component.inputs if spec.name in SAMPLE)


def sample_spec(parts: tuple[TensorSpec, ...]) -> TensorSpec:
    """The input `sample`, (B,C,h,w)."""
    batch, _, *size = parts[0].shape
    channels = sum(spec.shape[1] for spec in parts)
    return TensorSpec(
        name="sample", shape=(batch, channels, *size), description=parts[0].description
    )


def join_sample(arrays: Arrays, parts: tuple[TensorSpec, ...]) -> np.ndarray:
    """`sample` from a component's inputs."""
    return np.concatenate([arrays[spec.name] for spec in parts], axis=1)


def split_sample(sample: Tensor, parts: tuple[TensorSpec, ...]) -> dict[str, Tensor]:
    """A component's inputs from `sample`."""
    pieces = torch.split(sample, [spec.shape[1] for spec in parts], dim=1)
    return {spec.name: piece for spec, piece in zip(parts, pieces, strict=True)}


def reads_penultimate(network: nn.Module) -> bool:
    """Whether the UNet reads a text encoder's hidden state before the last layer (SDXL)."""
    return isinstance(network, PenultimateHidden)


def decoded(network: nn.Module, latents: Tensor) -> Tensor:
    """The picture, about [-1,1], of latents as the autoencoder has them."""
    if getattr(network, "post_quant_conv", None) is not None:
        latents = network.post_quant_conv(latents)  # type: ignore[operator]
    made: Tensor = network.decoder(latents)  # type: ignore[operator]
    return made


def encoded(network: nn.Module, image: Tensor) -> Tensor:
    """What the encoder gives for a picture in [-1,1]: mean and logarithm of the variance of its
    latents (B,2C,h,w), or from an `AutoencoderTiny` the latents alone."""
    made: Tensor = network.encoder(image)  # type: ignore[operator]
    if getattr(network, "quant_conv", None) is not None:
        made = network.quant_conv(made)  # type: ignore[operator]
    return made


def to_unit(picture: np.ndarray) -> np.ndarray:
    """A picture from about [-1,1] to [0,1]."""
    made: np.ndarray = np.clip(picture / 2 + np.float32(0.5), 0, 1)
    return made


def renamed(spec: TensorSpec, name: str, **fields: Any) -> TensorSpec:
    """A tensor under another name, without what only our own formats make of it."""
    values: Mapping[str, Any] = {
        "shape": spec.shape,
        "dtype": spec.dtype,
        "range": spec.range,
        "description": spec.description,
        **fields,
    }
    return TensorSpec(name=name, **values)
