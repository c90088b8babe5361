"""The avatar model in PyTorch: its networks, its sampler, and one whole run over any runtime.

In come prepared selfies, a style's index and a seed; out comes an avatar. `draw` joins the three
networks for whatever executes them; `AvatarPipeline` is the same as a diffusers pipeline.
"""

from __future__ import annotations

from avatar.model.decoder import Decoder, LatentEncoder
from avatar.model.denoiser import LATENT_SIZE, Denoiser, Sketch
from avatar.model.draw import Networks, Runner, Tokens, draw, encode
from avatar.model.identity_encoder import IdentityEncoder
from avatar.model.opened import Model
from avatar.model.pipeline import AvatarPipeline, pad_selfies
from avatar.model.sampler import Array, Denoise, Sampler, SamplerTable, noise_of, sample

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
    "pad_selfies",
    "sample",
]
