"""What an avatar costs: parameters, multiply-accumulates, seconds."""

from __future__ import annotations

import time
from statistics import median

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from avatar.model import AvatarPipeline, Networks, SamplerTable
from avatar.selfies import MAX_SELFIES, SELFIE_SIZE

NETWORKS = Networks.names()
"""Names of the networks that ship."""

SET_SIZE = 4
"""Avatars in the set that `median_seconds` measures."""


@torch.no_grad()
def network_size(pipeline: AvatarPipeline, name: str) -> dict[str, float]:
    """The size of one network.

    Returns:
        "parameters" in millions, and "gmac", thousands of millions of multiply-accumulates a call.
    """
    latents, encoder = torch.zeros(pipeline.latent_shape), pipeline.identity_encoder
    selfies = torch.zeros(MAX_SELFIES, 3, SELFIE_SIZE, SELFIE_SIZE)
    style = torch.zeros(1, dtype=torch.int32)
    inputs = {
        "identity_encoder": (selfies, torch.ones(MAX_SELFIES)),
        "denoiser": (latents, torch.ones(1), encoder.null_tokens, style),
        "decoder": (latents,),
    }[name]
    module = getattr(pipeline, name)
    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return {
        "parameters": sum(parameter.numel() for parameter in module.parameters()) / 1e6,
        "gmac": counter.get_total_flops() / 2e9,
    }


def denoiser_calls(table: SamplerTable) -> int:
    """Number of calls of the denoiser for one avatar."""
    return len(table.timesteps) * (2 if table.guided else 1)


def median_seconds(pipeline: AvatarPipeline, table: SamplerTable, rounds: int) -> float:
    """Median seconds, in PyTorch on this machine, from three selfies to a set of four avatars.

    The pipeline should have run before, because a first call is slower.
    """
    selfies = np.full((3, 3, SELFIE_SIZE, SELFIE_SIZE), 0.5, np.float32)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        pipeline(selfies, 0, range(SET_SIZE), table)
        times.append(time.perf_counter() - start)
    return median(times)
