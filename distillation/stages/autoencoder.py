"""The autoencoder: drawings to latents and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from avatar.model import AvatarPipeline, Decoder, LatentEncoder
from distillation.data import Drawing, TrainingData
from distillation.pictures import from_pixels, sheet
from distillation.run_folder import CHECKPOINT, encode_drawings, publishing, run_on
from distillation.training import Batch, Schedule
from support.progress import Progress, silent

CROP = 128
"""Side of the crops that the loss is computed on, in pixels."""

CROPS = 2
"""Crops of each drawing: decoding its PNG costs as much as the gradient of one crop."""

LATENT_NOISE = 0.1
"""Standard deviation of the noise added to latents in training. The decoder then gives nearly the
same picture for nearby latents, and a denoiser's error is about as large. `LATENT_PENALTY` keeps
the encoder from making latents so large that the noise no longer matters."""
LATENT_PENALTY = 1e-3

SHOWN = 12
"""Held-out drawings in a grid."""
SCALED_ON, SCORED_ON = 512, 240
"""Drawings that the latents' mean and deviation are measured on, and those that PSNR is."""


def train_autoencoder(
    people: TrainingData,
    held_out: TrainingData,
    schedule: Schedule,
    out: Path,
    *,
    progress: Progress = silent,
) -> dict[int, float]:
    """Train encoder and decoder, and save both.

    Returns:
        PSNR in dB on held-out drawings, by style index.
    """
    torch.manual_seed(schedule.seed)
    network = Autoencoder(LatentEncoder(), Decoder())
    task = AutoencoderTask(network, people.drawings, held_out.drawings[:SHOWN])
    run_on(people, task, schedule, out).train(progress)
    network.cpu().eval()
    scale_latents(network, people.drawings[:: max(1, len(people.drawings) // SCALED_ON)])
    with publishing(out / CHECKPOINT, marker="decoder/config.json") as folder:
        network.encoder.save_pretrained(folder / "latent_encoder")
        network.decoder.save_pretrained(folder / "decoder")
    return reconstruction_psnr(network, held_out.drawings[:SCORED_ON])


def held_out_psnr(pipeline: AvatarPipeline, held_out: TrainingData) -> dict[str, float]:
    """PSNR in dB of a pipeline's own encoder and decoder on held-out drawings, by style name."""
    network = Autoencoder(pipeline.latent_encoder, pipeline.decoder)
    found = reconstruction_psnr(network, held_out.drawings[:SCORED_ON])
    return {held_out.styles[style].name: value for style, value in found.items()}


class Autoencoder(nn.Module):
    """Encoder and decoder as one network to train."""

    def __init__(self, encoder: LatentEncoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruct pictures from noisy latents.

        Args:
            images: Pictures (b,3,s,s) in [0,1].

        Returns:
            The reconstruction before clamping (b,3,s,s), and the latents before scaling and noise.
        """
        latents = self.encoder.unscaled(images)
        noisy = latents + LATENT_NOISE * torch.randn_like(latents)
        return self.decoder.layers(noisy) + 0.5, latents


class AutoencoderTask:
    """Reconstruct crops of drawings.

    The loss is the absolute and squared error of colours, and the absolute error of differences
    between neighbouring pixels. The differences make lines crisp: where the position of a line is
    uncertain, squared error alone would blur it.
    """

    def __init__(
        self, network: Autoencoder, drawings: Sequence[Drawing], held_out: Sequence[Drawing]
    ) -> None:
        """Train on `drawings`; grids show `held_out`."""
        self.network, self.drawings = network, drawings
        self.held_out = from_pixels([drawing.pixels() for drawing in held_out])

    def sample(self, rng: np.random.Generator, batch: int) -> Batch:
        """Random crops: "images" (batch,3,128,128) in [0,1]."""
        crops = []
        for index in rng.integers(len(self.drawings), size=math.ceil(batch / CROPS)):
            pixels = self.drawings[index].pixels()
            for top, left in rng.integers(pixels.shape[0] - CROP + 1, size=(CROPS, 2)):
                crops.append(pixels[top : top + CROP, left : left + CROP])
        return {"images": from_pixels(crops[:batch])}

    def losses(self, network: nn.Module, batch: Batch, done: float) -> dict[str, Tensor]:
        """The loss, and the PSNR of the batch in dB."""
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
        """Held-out drawings, and below them their reconstructions."""
        device = next(self.network.parameters()).device
        output = self.network(self.held_out.to(device))[0].clamp(0, 1).cpu()
        return sheet([self.held_out, output])


def edge_error(output: Tensor, images: Tensor) -> Tensor:
    """Mean absolute error of the differences between horizontal and vertical neighbours."""
    error = output - images
    return error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()


def scale_latents(network: Autoencoder, drawings: Sequence[Drawing]) -> None:
    """Set mean and deviation in encoder and decoder, so that each channel has unit variance."""
    latents = encode_drawings(network.encoder, drawings).float()
    mean, std = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
    for half in (network.encoder, network.decoder):
        half.latent_mean.copy_(mean)
        half.latent_std.copy_(std)


@torch.inference_mode()
def reconstruction_psnr(network: Autoencoder, drawings: Sequence[Drawing]) -> dict[int, float]:
    """Mean PSNR in dB (peak 1) of reconstructed drawings, by style index."""
    found: dict[int, list[float]] = {}
    for drawing in drawings:
        image = from_pixels([drawing.pixels()])
        error = F.mse_loss(network.decoder(network.encoder(image)), image)
        found.setdefault(drawing.style, []).append(float(-10 * error.log10()))
    return {style: float(np.mean(values)) for style, values in sorted(found.items())}
