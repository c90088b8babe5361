"""Autoencoders of pictures: `AutoencoderKL` (arXiv 2112.10752) and `AutoencoderTiny` (TAESD)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from torch import Tensor, nn

from components.component import Component, TensorSpec
from components.declared import require_known_fields
from components.errors import CheckpointError
from components.sizes import is_tiny

KINDS = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}

_REGISTERED_LATER = ("block_out_channels", "force_upcast")
"""Fields that `AutoencoderTiny` adds to its configuration by itself."""


class Scaling:
    """How latents as the sampler has them stand to latents as the autoencoder has them.

    `sampler = (autoencoder − mean) · scale / deviation`, mean and deviation for each channel.
    `StableDiffusionPipeline` has no use for `shift_factor`, which other pipelines add here.
    """

    def __init__(self, config: Mapping[str, Any], *, normalised: bool) -> None:
        """
        Args:
            config: The autoencoder's parsed configuration.
            normalised: Whether this kind of pipeline uses `latents_mean` and `latents_std`.
        """
        self.scale = float(config.get("scaling_factor", 1.0 if is_tiny(config) else 0.18215))
        mean, deviation = config.get("latents_mean"), config.get("latents_std")
        self.whole = normalised and mean is not None and deviation is not None
        shape = (1, -1, 1, 1)
        self.mean = torch.tensor(mean).reshape(shape) if self.whole else None
        self.deviation = torch.tensor(deviation).reshape(shape) if self.whole else None

    def to_autoencoder(self, latents: Tensor) -> Tensor:
        if self.mean is None or self.deviation is None:
            return latents / self.scale
        return latents * self.deviation / self.scale + self.mean

    def to_sampler(self, latents: Tensor) -> Tensor:
        if self.mean is None or self.deviation is None:
            return latents * self.scale
        return (latents - self.mean) * self.scale / self.deviation

    def spread(self, deviation: Tensor) -> Tensor:
        """A standard deviation of the autoencoder's latents as the sampler has it."""
        scaled = deviation * self.scale
        return scaled if self.deviation is None else scaled / self.deviation


class Decoder(nn.Module):
    """From latents, as the sampler leaves them, to a picture in [0,1]: scaling is inside."""

    def __init__(self, model: Any, scaling: Scaling) -> None:
        super().__init__()
        self.decoder = model.decoder
        self.post_quant_conv = getattr(model, "post_quant_conv", None)
        self.scaling = scaling

    def forward(self, latents: Tensor) -> Tensor:
        latents = self.scaling.to_autoencoder(latents)
        if self.post_quant_conv is not None:
            latents = self.post_quant_conv(latents)
        # Clamped first: a scale right after a convolution would be folded into its weights, and
        # neither recipe nor evaluation would find them again.
        return self.decoder(latents).clamp(-1, 1) / 2 + 0.5


class TinyDecoder(nn.Module):
    """The same of an `AutoencoderTiny`, whose layers give [0,1], and its decoder twice that less 1.

    The decoder's own forward is left out for the same reason: only its layers are run.
    """

    def __init__(self, model: AutoencoderTiny, scaling: Scaling) -> None:
        super().__init__()
        self.decoder, self.scaling = model.decoder, scaling

    def forward(self, latents: Tensor) -> Tensor:
        latents = torch.tanh(self.scaling.to_autoencoder(latents) / 3) * 3
        picture: Tensor = self.decoder.layers(latents)
        return picture.clamp(0, 1)


class Encoder(nn.Module):
    """From a picture in [0,1] to mean and deviation of its latents, as the sampler takes them."""

    def __init__(self, model: AutoencoderKL, scaling: Scaling) -> None:
        super().__init__()
        self.encoder, self.quant_conv = model.encoder, model.quant_conv
        self.scaling = scaling

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        moments = self.encoder(image * 2 - 1)
        if self.quant_conv is not None:
            moments = self.quant_conv(moments)
        mean, log_variance = moments.chunk(2, dim=1)
        return self.scaling.to_sampler(mean), self.scaling.spread(deviation(log_variance))


def deviation(log_variance: Tensor) -> Tensor:
    """The standard deviation, as diffusers' `DiagonalGaussianDistribution` limits it."""
    return (0.5 * log_variance.clamp(-30.0, 20.0)).exp()


class TinyEncoder(nn.Module):
    """From a picture in [0,1] to its latents; this autoencoder draws no noise."""

    def __init__(self, model: AutoencoderTiny, scaling: Scaling) -> None:
        super().__init__()
        self.encoder, self.scaling = model.encoder, scaling

    def forward(self, image: Tensor) -> Tensor:
        return self.scaling.to_sampler(self.encoder(image * 2 - 1))


def decoder(model: Any, scaling: Scaling, latents: TensorSpec, image: TensorSpec) -> Component:
    """The decoder as a component."""
    kind = TinyDecoder if isinstance(model, AutoencoderTiny) else Decoder
    return Component(
        name="decoder",
        module=kind(model, scaling),
        inputs=(latents,),
        outputs=(image,),
        description="Latents to the picture.",
    )


def encoder(model: Any, scaling: Scaling, latents: TensorSpec, image: TensorSpec) -> Component:
    """The encoder as a component. It takes one picture, however many a run draws."""
    tiny = isinstance(model, AutoencoderTiny)
    inputs, outputs = encoder_specs(model.config, latents, image)
    return Component(
        name="encoder",
        module=TinyEncoder(model, scaling) if tiny else Encoder(model, scaling),
        inputs=inputs,
        outputs=outputs,
        description="A picture to its latents.",
    )


def encoder_specs(
    config: Mapping[str, Any], latents: TensorSpec, image: TensorSpec
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """What an encoder takes and gives: one that draws noise also the latents' deviation."""
    shape = (1, *latents.shape[1:])
    mean = TensorSpec(name="mean", shape=shape, description="The picture in latent space.")
    spread = TensorSpec(
        name="deviation", shape=shape, description="Standard deviation of each latent."
    )
    picture = TensorSpec(
        name="image",
        shape=(1, *image.shape[1:]),
        range=(0.0, 1.0),
        description="A picture, sRGB in [0,1].",
    )
    return (picture,), (mean,) if is_tiny(config) else (mean, spread)


def require_autoencoder(kind: Any, config: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` unless an autoencoder takes and gives coloured pictures.

    Args:
        kind: Its class.
        config: Its parsed configuration.
        path: The file that it was read from.
    """
    require_known_fields({*kind._get_init_keys(kind), *_REGISTERED_LATER}, config, path)
    scale = config.get("scaling_factor", 1.0)
    if type(scale) not in (int, float) or not 0 < scale < math.inf:
        raise CheckpointError(
            f"{path} has scaling_factor = {repr(scale)[:60]}, expected a positive number"
        )
    for name in ("in_channels", "out_channels"):
        if (channels := config.get(name, 3)) != 3:
            raise CheckpointError(f"{path} has {name} = {channels}, expected 3: red, green, blue")
