"""What an avatar costs: parameters, multiply-accumulates, seconds."""

from __future__ import annotations

import time
from statistics import median

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from avatar.model import AvatarPipeline, SamplerTable
from avatar.selfies import MAX_SELFIES, SELFIE_SIZE

PARTS = ("identity_encoder", "denoiser", "decoder")
SET = 4
"""Avatars in the set whose seconds are told."""


@torch.no_grad()
def measure(pipeline: AvatarPipeline, name: str) -> dict[str, float]:
    """Parameters and multiply-accumulates of one call, in millions and thousands of millions."""
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


def calls(table: SamplerTable) -> int:
    """How often the denoiser is called for one avatar."""
    return len(table.timesteps) * (1 if table.guidance == 1.0 else 2)


def seconds(pipeline: AvatarPipeline, table: SamplerTable, rounds: int) -> float:
    """Median seconds, in PyTorch on this machine, from three selfies to a set of four avatars. The
    pipeline should have run before: a first call is slower."""
    selfies = np.full((3, 3, SELFIE_SIZE, SELFIE_SIZE), 0.5, np.float32)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        pipeline(selfies, 0, range(SET), table)
        times.append(time.perf_counter() - start)
    return median(times)
