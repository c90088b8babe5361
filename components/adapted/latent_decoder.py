"""The sampler's last latents to an avatar: an autoencoder's decoder, with all scaling inside."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderTiny
from torch import Tensor, nn

from components.diffusion.autoencoder import Scaling


class LatentDecoder(nn.Module):
    """An `AutoencoderKL` or an `AutoencoderTiny` as the avatar's decoder."""

    def __init__(self, model: Any, scaling: Scaling, end: float) -> None:
        """Take an autoencoder whose pictures are in [0,1], as `halved` makes it.

        Args:
            model: The autoencoder.
            scaling: How the scheduler's latents stand to the autoencoder's.
            end: What the sampler's last latents are multiplied by to be the scheduler's.
        """
        super().__init__()
        self.tiny = isinstance(model, AutoencoderTiny)
        self.layers = model.decoder.layers if self.tiny else model.decoder
        self.post_quant_conv = getattr(model, "post_quant_conv", None)
        self.scaling, self.end = scaling, end

    def forward(self, latents: Tensor) -> Tensor:
        """Decode latents (1,C,h,w) to an avatar (1,3,H,W) in [0,1]."""
        latents = self.scaling.to_autoencoder(latents * self.end)
        if self.post_quant_conv is not None:
            latents = self.post_quant_conv(latents)
        if self.tiny:
            latents = torch.tanh(latents / 3) * 3
        return self.layers(latents).clamp(0, 1)


def halved(model: Any) -> Any:
    """Let a decoder's last layer give [0,1] where it gave [-1,1], in place.

    Then no arithmetic is left behind it that exporters would fold into weights, each in its way. An
    `AutoencoderTiny` gives [0,1] as it is.
    """
    if not isinstance(model, AutoencoderTiny):
        with torch.no_grad():
            model.decoder.conv_out.weight.mul_(0.5)
            model.decoder.conv_out.bias.mul_(0.5).add_(0.5)
    return model


def doubled(model: Any) -> Any:
    """The inverse of `halved`, in place."""
    if not isinstance(model, AutoencoderTiny):
        with torch.no_grad():
            model.decoder.conv_out.weight.mul_(2)
            model.decoder.conv_out.bias.sub_(0.5).mul_(2)
    return model
