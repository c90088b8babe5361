"""What denoisers are trained on: people's selfies beside latents of their drawings."""

from __future__ import annotations

from collections.abc import Callable
from math import radians

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
from avatar.selfies import MAX_SELFIES, SELFIE_SIZE
from distillation.autoencoder import tile
from distillation.data import TrainingData
from distillation.training import Batch

AVATARS_A_PERSON = 4
"""Avatars drawn with one reading of a person's selfies: tokens cost as much as they do."""

MOST_SELFIES = 3

UNCONDITIONED = 0.1
"""Share of samples trained with the null tokens, for guidance (arXiv 2207.12598)."""

TURN, ZOOM, SHIFT = radians(5), 0.08, 0.06
"""How far selfies are turned, zoomed and, in halves of their width, shifted at most."""


class Pairs:
    """People with the latents of their drawings."""

    def __init__(self, people: TrainingData, latents: Tensor) -> None:
        """`latents` (avatars,C,32,32) belong to `people.avatars`, entry by entry."""
        self.people, self.latents = people, latents
        self.styles = np.array([avatar.style for avatar in people.avatars])
        owners = np.array([avatar.person for avatar in people.avatars])
        self.first = np.searchsorted(owners, np.arange(len(people) + 1))

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """A batch of about `batch` avatars, person by person.

        "selfies" (people,n,3,128,128) and "mask" (people,n); "clean" latents (b,C,32,32) and
        "style" (b,), b a multiple of the number of people; "labels" (people, attributes), where the
        people have any.
        """
        chosen = rng.integers(len(self.people), size=max(1, batch // AVATARS_A_PERSON))
        avatars = np.concatenate(
            [
                rng.integers(self.first[person], self.first[person + 1], size=AVATARS_A_PERSON)
                for person in chosen
            ]
        )
        selfies, mask = draw_selfies(self.people, chosen, rng, most=MOST_SELFIES)
        labels = self.people.labels
        known = {} if labels is None else {"labels": torch.from_numpy(labels[chosen])}
        return {
            "selfies": selfies,
            "mask": mask,
            "clean": self.latents[avatars].float(),
            "style": torch.from_numpy(self.styles[avatars]),
            **known,
        }


def draw_selfies(
    people: TrainingData, chosen: np.ndarray, rng: np.random.Generator, most: int
) -> tuple[Tensor, Tensor]:
    """1 to `most` random selfies of each chosen person, framed a little differently than they were;
    (people,n,3,128,128) in [0,1], absent ones zero, and their mask (people,n)."""
    available = people.selfie_counts[chosen]
    most = min(most, int(available.max()))
    counts = rng.integers(1, np.minimum(available, most) + 1)
    mask = np.arange(most) < counts[:, None]
    places = np.arange(available.max())
    order = rng.permuted(np.tile(places, (len(chosen), 1)), axis=1)
    # Of those with fewer selfies, places that hold none go last.
    last = np.argsort(order >= available[:, None], axis=1, kind="stable")
    which = np.take_along_axis(order, last, axis=1)[:, :most]
    owners = np.broadcast_to(chosen[:, None], mask.shape)
    pairs = zip(owners[mask], which[mask], strict=True)
    found = images([people.selfie(person, number) for person, number in pairs])
    selfies = torch.zeros(len(chosen), most, 3, SELFIE_SIZE, SELFIE_SIZE)
    selfies[torch.from_numpy(mask)] = framed(found, rng)
    return selfies, torch.from_numpy(mask.astype(np.float32))


def first_selfies(people: TrainingData, person: int, most: int = MAX_SELFIES) -> Tensor:
    """The first `most` selfies of a person as they are, (n,3,128,128) in [0,1]."""
    count = min(most, int(people.selfie_counts[person]))
    return images([people.selfie(person, number) for number in range(count)])


def images(selfies: list[np.ndarray]) -> Tensor:
    """(3,128,128) uint8 pictures as one (n,3,128,128) float32 tensor in [0,1]."""
    return torch.from_numpy(np.stack(selfies)).float().div(255)


def framed(selfies: Tensor, rng: np.random.Generator) -> Tensor:
    """(n,3,128,128) as another hand would have framed them: turned, zoomed, shifted, mirrored."""
    count = len(selfies)
    turn = TURN * rng.uniform(-1, 1, count)
    zoom = 1 + ZOOM * rng.uniform(-1, 1, count)
    mirror = rng.choice([-1, 1], count)
    across = np.stack([np.cos(turn) * zoom * mirror, -np.sin(turn) * zoom], axis=1)
    down = np.stack([np.sin(turn) * zoom * mirror, np.cos(turn) * zoom], axis=1)
    shift = SHIFT * rng.uniform(-1, 1, (count, 2, 1))
    affine = np.concatenate([np.stack([across, down], axis=1), shift], axis=2).astype(np.float32)
    grid = F.affine_grid(torch.from_numpy(affine), list(selfies.shape), align_corners=False)
    return F.grid_sample(selfies, grid, padding_mode="border", align_corners=False)


def tokens_of(encoder: IdentityEncoder, selfies: Tensor, mask: Tensor) -> Tensor:
    """(people,n,3,128,128) and mask (people,n) to tokens (people,8,D)."""
    people, count = mask.shape
    # Absent selfies cost nothing: only present ones pass the network.
    present = mask.flatten().bool()
    found = encoder.features_of(selfies.flatten(0, 1)[present])
    features = found.new_zeros(people * count, found.shape[1])
    features[present] = found
    return encoder.tokens_of(features.view(people, count, -1), mask)


def unconditioned(rng: np.random.Generator, count: int) -> Tensor:
    """(count,) bool: which samples are trained with the null tokens."""
    return torch.from_numpy(rng.random(count) < UNCONDITIONED)


def spread(tokens: Tensor, encoder: IdentityEncoder, dropped: Tensor) -> Tensor:
    """(people,8,D) to (b,8,D), person by person; the null tokens where `dropped` (b,) is true."""
    each = tokens.repeat_interleave(len(dropped) // len(tokens), dim=0)
    return torch.where(dropped[:, None, None], encoder.null_tokens.expand_as(each), each)


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
    people: TrainingData,
    encoder: IdentityEncoder,
    decoder: Decoder,
    latents_of: Callable[[Tensor, Tensor, int], Tensor],
) -> Image.Image:
    """The first six people: a selfie, then an avatar in every style.

    `latents_of(tokens, style, seed)` gives latents (styles,C,32,32) for tokens (styles,8,D) and
    style (styles,), on the encoder's device.
    """
    rows, count = [], len(people.styles)
    for person in range(min(6, len(people))):
        selfies = first_selfies(people, person)
        present = torch.ones(len(selfies), device=encoder.device)
        tokens = encoder(selfies.to(encoder.device), present).expand(count, -1, -1)
        style = torch.arange(count, dtype=torch.int32, device=encoder.device)
        latents = latents_of(tokens, style, person)
        avatars = decoder(latents.to(decoder.device)).cpu()
        rows.append(torch.cat([F.interpolate(selfies[:1], 256), avatars]))
    return tile(rows)


def sampled(
    denoiser: Denoiser, null: Tensor, table: SamplerTable
) -> Callable[[Tensor, Tensor, int], Tensor]:
    """What `grid_of` asks for, by the sampling loop; the denoiser may lie on any device."""

    def denoise(*arrays: np.ndarray) -> np.ndarray:
        tensors = [torch.from_numpy(array).to(denoiser.device) for array in arrays]
        # `forward`, not a call: a compiled denoiser would be compiled again for this shape.
        return denoiser.forward(*tensors).float().cpu().numpy()

    def latents_of(tokens: Tensor, style: Tensor, seed: int) -> Tensor:
        shape = (len(style), denoiser.config["latent_channels"], LATENT_SIZE, LATENT_SIZE)
        sides = (tokens.cpu().numpy(), null.detach().cpu().expand_as(tokens).numpy())
        latents = sample(denoise, noise_of(seed, shape), *sides, style.cpu().numpy(), table)
        return torch.from_numpy(latents)

    return latents_of
