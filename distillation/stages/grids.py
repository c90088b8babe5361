"""Pictures of a network's progress: a few held-out people in every style."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from avatar.model import (
    LATENT_SIZE,
    Decoder,
    Denoiser,
    IdentityEncoder,
    SamplerTable,
    noise_of,
    sample,
)
from distillation.data import TrainingData, first_selfies
from distillation.pictures import sheet

PEOPLE = 6
"""People, the first ones, that a grid shows."""

LatentsOf = Callable[[Tensor, Tensor, int], Tensor]
"""Latents (styles,C,32,32) from tokens (styles,8,D), style (styles,) and a seed."""


def people_grid(
    people: TrainingData, encoder: IdentityEncoder, decoder: Decoder, latents_of: LatentsOf
) -> Image.Image:
    """One row for each of the first people: a selfie, then an avatar in every style.

    `latents_of` gets its tensors on the encoder's device; a person's seed is their index.
    """
    rows, count = [], len(people.styles)
    for person in range(min(PEOPLE, len(people))):
        selfies = first_selfies(people, person)
        present = torch.ones(len(selfies), device=encoder.device)
        tokens = encoder(selfies.to(encoder.device), present).expand(count, -1, -1)
        style = torch.arange(count, dtype=torch.int32, device=encoder.device)
        latents = latents_of(tokens, style, person)
        avatars = decoder(latents.to(decoder.device)).cpu()
        rows.append(torch.cat([F.interpolate(selfies[:1], 256), avatars]))
    return sheet(rows)


def by_sampling(denoiser: Denoiser, null_tokens: Tensor, table: SamplerTable) -> LatentsOf:
    """Latents for `people_grid` by the sampling loop; the denoiser may be on any device."""

    def denoise(*arrays: np.ndarray) -> np.ndarray:
        tensors = [torch.from_numpy(array).to(denoiser.device) for array in arrays]
        # `forward`, not a call: a compiled denoiser would be compiled again for this shape.
        return denoiser.forward(*tensors).float().cpu().numpy()

    def latents_of(tokens: Tensor, style: Tensor, seed: int) -> Tensor:
        shape = (len(style), denoiser.config["latent_channels"], LATENT_SIZE, LATENT_SIZE)
        null = null_tokens.detach().cpu().expand_as(tokens).numpy()
        latents = sample(
            denoise,
            noise_of(seed, shape),
            tokens.cpu().numpy(),
            null,
            style.cpu().numpy(),
            table,
        )
        return torch.from_numpy(latents)

    return latents_of
