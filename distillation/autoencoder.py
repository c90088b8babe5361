"""The autoencoder: drawn avatars to latents and back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from avatar.model import Decoder, LatentEncoder
from distillation.data import Drawing
from distillation.training import Batch

CROP = 128
CROPS = 2
"""Crops taken from each decoded picture: decoding costs as much as a crop's gradient."""

LATENT_NOISE = 0.1
"""Noise added to latents in training, so that nearby latents decode alike: a denoiser misses by
about this much. `LATENT_PENALTY` keeps the encoder from outgrowing it."""
LATENT_PENALTY = 1e-3


class Autoencoder(nn.Module):
    """Both halves, as one network to train."""

    def __init__(self, encoder: LatentEncoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """`images` (b,3,s,s) in [0,1] to their unclamped reconstruction and unscaled latents."""
        latents = self.encoder.unscaled(images)
        noisy = latents + LATENT_NOISE * torch.randn_like(latents)
        return self.decoder.layers(noisy) + 0.5, latents


class AutoencoderTask:
    """Reconstruct crops of drawn avatars: absolute error of colours and of their differences.

    The differences between neighbours are what makes a line crisp; squared error would rather blur
    it than misplace it.
    """

    def __init__(self, network: Autoencoder, drawn: Sequence[Drawing], shown: Sequence[Drawing]):
        self.network, self.drawn = network, drawn
        self.shown = pictures([avatar.pixels() for avatar in shown])

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        crops = []
        for index in rng.integers(len(self.drawn), size=math.ceil(batch / CROPS)):
            pixels = self.drawn[index].pixels()
            for top, left in rng.integers(pixels.shape[0] - CROP + 1, size=(CROPS, 2)):
                crops.append(pixels[top : top + CROP, left : left + CROP])
        return {"images": pictures(crops[:batch])}

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        images = batch["images"]
        output, latents = network(images)
        pixel = (output - images).abs().mean()
        edges = edge_error(output, images)
        squared = F.mse_loss(output.detach(), images)
        loss = pixel + 2 * edges + 4 * F.mse_loss(output, images)
        return {
            "loss": loss + LATENT_PENALTY * latents.square().mean(),
            "psnr": -10 * squared.log10(),
        }

    def grid(self) -> Image.Image:
        device = next(self.network.parameters()).device
        output = self.network(self.shown.to(device))[0].clamp(0, 1).cpu()
        return tile([self.shown, output])


def edge_error(output: Tensor, images: Tensor) -> Tensor:
    """Mean absolute error of the differences between horizontal and vertical neighbours."""
    error = output - images
    return error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()


def pictures(pixels: list[NDArray[np.uint8]]) -> Tensor:
    """Equally large (h,w,3) uint8 pictures as one (n,3,h,w) float32 tensor in [0,1]."""
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float().div(255)


def tile(rows: list[Tensor]) -> Image.Image:
    """Rows of (n,3,h,w) pictures in [0,1] as one image."""
    sheet = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    pixels = (sheet.clamp(0, 1) * 255 + 0.5).byte().permute(1, 2, 0)
    return Image.fromarray(pixels.numpy())


@torch.inference_mode()
def encode_all(encoder: LatentEncoder, drawn: Sequence[Drawing], batch: int = 16) -> Tensor:
    """Latents of all drawings, scaled as the encoder's buffers say; (n,C,32,32) fp16."""
    chunks = [
        encoder(pictures([avatar.pixels() for avatar in drawn[start : start + batch]])).half()
        for start in range(0, len(drawn), batch)
    ]
    return torch.cat(chunks).contiguous()


def scale_latents(network: Autoencoder, drawn: Sequence[Drawing]) -> None:
    """Set both halves' mean and deviation so that latents have unit variance a channel."""
    latents = encode_all(network.encoder, drawn).float()
    mean, std = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
    for half in (network.encoder, network.decoder):
        half.latent_mean.copy_(mean)
        half.latent_std.copy_(std)


@torch.inference_mode()
def reconstruction_psnr(network: Autoencoder, drawn: Sequence[Drawing]) -> dict[int, float]:
    """Mean PSNR in dB (peak 1) of reconstructed held-out drawings, by style index."""
    found: dict[int, list[float]] = {}
    for avatar in drawn:
        image = pictures([avatar.pixels()])
        error = F.mse_loss(network.decoder(network.encoder(image)), image)
        found.setdefault(avatar.style, []).append(float(-10 * error.log10()))
    return {style: float(np.mean(values)) for style, values in sorted(found.items())}
