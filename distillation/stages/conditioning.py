"""Who a denoiser draws, at which noise level: tensors that all stages with a denoiser share."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from avatar.model import IdentityEncoder

UNCONDITIONED = 0.1
"""Share of samples trained with the null tokens, for guidance (arXiv 2207.12598)."""


def encode_people(encoder: IdentityEncoder, selfies: Tensor, mask: Tensor) -> Tensor:
    """Identity tokens (people,8,D) of selfies (people,n,3,128,128) with mask (people,n)."""
    people, count = mask.shape
    # Only selfies that are present pass through the network.
    present = mask.flatten().bool()
    found = encoder.features_of(selfies.flatten(0, 1)[present])
    features = found.new_zeros(people * count, found.shape[1])
    features[present] = found
    return encoder.tokens_of(features.view(people, count, -1), mask)


def sample_unconditioned(rng: np.random.Generator, count: int) -> Tensor:
    """Which of `count` samples are trained with the null tokens, (count,) bool."""
    return torch.from_numpy(rng.random(count) < UNCONDITIONED)


def tokens_per_sample(tokens: Tensor, encoder: IdentityEncoder, dropped: Tensor) -> Tensor:
    """Tokens (people,8,D) repeated to (b,8,D), person by person, b a multiple of people.

    Where `dropped` (b,) is true, a sample has the encoder's null tokens instead.
    """
    each = tokens.repeat_interleave(len(dropped) // len(tokens), dim=0)
    return torch.where(dropped[:, None, None], encoder.null_tokens.expand_as(each), each)


def logit_normal(rng: np.random.Generator, count: int, law: tuple[float, float]) -> Tensor:
    """Noise levels (count,) in (0,1) from a logit-normal law (arXiv 2403.03206, section 3.1).

    `law` is the mean and the standard deviation of the logit.
    """
    mean, deviation = law
    logit = mean + deviation * rng.standard_normal(count, np.float32)
    return torch.from_numpy(logit.astype(np.float32)).sigmoid()


def for_latents(sigma: Tensor) -> Tensor:
    """Noise levels (b,) as (b,1,1,1), to be multiplied with latents."""
    return sigma[:, None, None, None]
