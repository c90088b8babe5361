"""What denoisers are trained on: people's selfies beside latents of their drawings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from avatar.decoder import Decoder
from avatar.denoiser import LATENT_SIZE, Denoiser
from avatar.identity_encoder import IdentityEncoder
from avatar.people.styles import STYLES
from avatar.sampler import SamplerTable, noise_of, sample
from distillation.autoencoder import tile
from distillation.data import People
from distillation.identity import draw_selfies

AVATARS_A_PERSON = 4
"""Avatars drawn with one reading of a person's selfies: tokens cost as much as they do."""

MOST_SELFIES = 3


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One batch: `selfies` (people,n,3,128,128) and `mask` (people,n), `labels` (people,
    attributes), `clean` latents (b,C,32,32) and `style` (b,); b is a multiple of the number of
    people, and the batch goes person by person."""

    selfies: Tensor
    mask: Tensor
    labels: Tensor
    clean: Tensor
    style: Tensor


class Pairs:
    """People with the latents of their drawings."""

    def __init__(self, people: People, latents: Tensor) -> None:
        """`latents` (avatars,C,32,32) belong to `people.avatars`, entry by entry."""
        self.people, self.latents = people, latents
        self.styles = np.array([avatar.style for avatar in people.avatars])
        owners = np.array([avatar.person for avatar in people.avatars])
        self.first = np.searchsorted(owners, np.arange(len(people) + 1))

    def draw(self, rng: np.random.Generator, batch: int) -> Draw:
        """A batch of about `batch` avatars."""
        chosen = rng.integers(len(self.people), size=max(1, batch // AVATARS_A_PERSON))
        avatars = np.concatenate(
            [
                rng.integers(self.first[person], self.first[person + 1], size=AVATARS_A_PERSON)
                for person in chosen
            ]
        )
        selfies, mask = draw_selfies(self.people, chosen, rng, most=MOST_SELFIES)
        return Draw(
            selfies=selfies,
            mask=mask,
            labels=torch.from_numpy(self.people.labels[chosen]),
            clean=self.latents[avatars].float(),
            style=torch.from_numpy(self.styles[avatars]),
        )


def logit_normal(rng: np.random.Generator, count: int, law: tuple[float, float]) -> Tensor:
    """(count,) noise levels whose logits have the mean and deviation `law` (arXiv 2403.03206,
    section 3.1)."""
    mean, deviation = law
    logit = mean + deviation * rng.standard_normal(count, np.float32)
    return torch.from_numpy(logit.astype(np.float32)).sigmoid()


def level(sigma: Tensor) -> Tensor:
    """(b,) noise levels as (b,1,1,1), to go with latents."""
    return sigma[:, None, None, None]


def grid_of(
    people: People,
    encoder: IdentityEncoder,
    denoiser: Denoiser,
    decoder: Decoder,
    table: SamplerTable,
) -> Image.Image:
    """The first six people: a selfie, then an avatar in every style. The networks may lie on
    different devices."""
    rows = []
    for person in range(min(6, len(people))):
        selfies = torch.from_numpy(people.selfies[person]).float().div(255)
        rows.append(_in_all_styles(encoder, denoiser, decoder, selfies, person, table))
    return tile(rows)


def _in_all_styles(
    encoder: IdentityEncoder,
    denoiser: Denoiser,
    decoder: Decoder,
    selfies: Tensor,
    seed: int,
    table: SamplerTable,
) -> Tensor:
    """The first of a person's `selfies` (n,3,128,128) in [0,1], then an avatar in every style:
    (1 + styles, 3, 256, 256)."""
    count = len(STYLES)

    def denoise(*arrays: np.ndarray) -> np.ndarray:
        tensors = [torch.from_numpy(array).to(denoiser.device) for array in arrays]
        # `forward`, not a call: a compiled denoiser would be compiled again for this shape.
        return denoiser.forward(*tensors).float().cpu().numpy()

    present = torch.ones(len(selfies), device=encoder.device)
    tokens = encoder(selfies.to(encoder.device), present).cpu().numpy()
    null = encoder.null_tokens.detach().cpu().numpy()
    channels = denoiser.config["latent_channels"]
    latents = sample(
        denoise,
        noise_of(seed, (count, channels, LATENT_SIZE, LATENT_SIZE)),
        tokens.repeat(count, 0),
        null.repeat(count, 0),
        np.arange(count, dtype=np.int32),
        table,
    )
    avatars = decoder(torch.from_numpy(latents).to(decoder.device)).cpu()
    return torch.cat([F.interpolate(selfies[:1], 256), avatars])
