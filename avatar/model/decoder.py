"""The autoencoder: latents to pictures, and pictures to latents for training."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn


class _Residual(nn.Module):
    """A residual block without normalisation, which would disturb areas of one colour."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.act(self.conv1(self.act(x))))


class Decoder(ModelMixin, ConfigMixin):
    """Latents (b,C,h,w) to sRGB pictures (b,3,8h,8w) in [0,1].

    Widths fall as the resolution rises, and the last step is a pixel shuffle (arXiv 1609.05158): at
    full resolution a convolution of 16 channels costs as much as one of 128 at an eighth of it.
    Each channel of the latents has unit variance; `latent_mean` and `latent_std` convert it to the
    scale that the layers were trained with.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 8,
        widths: tuple[int, ...] = (160, 80, 32),
        blocks: tuple[int, ...] = (2, 1, 1),
        output_width: int = 16,
    ) -> None:
        super().__init__()
        self.register_buffer("latent_mean", torch.zeros(latent_channels))
        self.register_buffer("latent_std", torch.ones(latent_channels))
        layers: list[nn.Module] = [nn.Conv2d(latent_channels, widths[0], 3, padding=1)]
        for level, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            if level:
                layers += [
                    nn.Upsample(scale_factor=2, mode="nearest"),
                    nn.Conv2d(widths[level - 1], width, 3, padding=1),
                ]
            layers += [_Residual(width) for _ in range(count)]
        layers += [
            nn.Conv2d(widths[-1], output_width * 4, 3, padding=1),
            nn.PixelShuffle(2),
            nn.SiLU(),
            nn.Conv2d(output_width, 3, 3, padding=1),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        """Decode latents (b,C,32,32) of unit variance; returns (b,3,256,256), clamped to [0,1]."""
        return self.unclamped(latents).clamp(0, 1)

    def unclamped(self, latents: Tensor) -> Tensor:
        """As `forward`, but without the clamp, which has no gradient where it cuts values off."""
        scale, shift = self.latent_std[None, :, None, None], self.latent_mean[None, :, None, None]
        return self.layers(latents * scale + shift) + 0.5


class LatentEncoder(ModelMixin, ConfigMixin):
    """Pictures (b,3,256,256) in [0,1] to latents (b,C,32,32) with unit variance in each channel.

    It is trained with the decoder and kept in the checkpoint for further training; it is never
    exported.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 8,
        widths: tuple[int, ...] = (64, 128),
        blocks: tuple[int, ...] = (1, 2),
    ) -> None:
        super().__init__()
        self.register_buffer("latent_mean", torch.zeros(latent_channels))
        self.register_buffer("latent_std", torch.ones(latent_channels))
        layers: list[nn.Module] = [
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, widths[0], 3, padding=1),
        ]
        for level, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            if level:
                layers.append(nn.Conv2d(widths[level - 1], width, 4, stride=2, padding=1))
            layers += [_Residual(width) for _ in range(count)]
        layers += [nn.SiLU(), nn.Conv2d(widths[-1], latent_channels, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Encode pictures (b,3,256,256) in [0,1]; returns (b,C,32,32)."""
        latents = self.unscaled(images)
        return (latents - self.latent_mean[None, :, None, None]) / self.latent_std[
            None, :, None, None
        ]

    def unscaled(self, images: Tensor) -> Tensor:
        """As `forward`, but before the latents are scaled to unit variance."""
        return self.layers(images - 0.5)
