"""The avatar model: its networks in PyTorch, its sampler, and whole runs in any runtime.

Prepared selfies, the index of a style and a seed come in; an avatar goes out. `draw` joins the
three networks, whatever runtime executes them; `AvatarPipeline` does so as a diffusers pipeline.
"""

from __future__ import annotations

from avatar.model.decoder import Decoder, LatentEncoder
from avatar.model.denoiser import LATENT_SIZE, Denoiser, Sketch
from avatar.model.draw import Networks, Runner, Tokens, draw, encode
from avatar.model.identity_encoder import IdentityEncoder
from avatar.model.opened_model import Model
from avatar.model.pipeline import AvatarPipeline, pad_selfies
from avatar.model.sampler import (
    Array,
    Denoise,
    Sampler,
    SamplerTable,
    noise_of,
    noises_of,
    sample,
)

__all__ = [
    "LATENT_SIZE",
    "Array",
    "AvatarPipeline",
    "Decoder",
    "Denoise",
    "Denoiser",
    "IdentityEncoder",
    "LatentEncoder",
    "Model",
    "Networks",
    "Runner",
    "Sampler",
    "SamplerTable",
    "Sketch",
    "Tokens",
    "draw",
    "encode",
    "noise_of",
    "noises_of",
    "pad_selfies",
    "sample",
]
