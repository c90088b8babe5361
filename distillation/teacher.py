"""The teacher: a rectified flow from noise to the latents of a person's avatar in a style."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from avatar.model import Decoder, Denoiser, IdentityEncoder, Sampler
from distillation.data import TrainingData
from distillation.pairs import (
    Pairs,
    grid_of,
    level,
    logit_normal,
    sampled,
    spread,
    tokens_of,
    unconditioned,
)
from distillation.training import Batch

NOISE_LEVELS = (0.4, 1.2)
"""Mean and deviation of the noise level's logit. Above half on average: there is decided who and in
which style is drawn; the last steps only sharpen what is there."""


class TeacherTask:
    """Rectified-flow matching (arXiv 2209.03003) with noise levels from a logit-normal law. The
    identity encoder stays as its first lessons left it; the denoiser's sketch starts there."""

    def __init__(
        self,
        network: Denoiser,
        encoder: IdentityEncoder,
        people: TrainingData,
        latents: Tensor,
        shown: TrainingData,
        decoder: Decoder,
    ) -> None:
        """`latents` (avatars,C,32,32) belong to `people.avatars`, entry by entry."""
        self.denoiser, self.pairs = network, Pairs(people, latents)
        self.network: nn.Module = network
        self.encoder = encoder.requires_grad_(False).eval()
        self.shown, self.decoder = shown, decoder

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        drawn = self.pairs.draw(rng, batch)
        shape = drawn["clean"].shape
        return {
            **drawn,
            "noise": torch.from_numpy(rng.standard_normal(shape, np.float32)),
            "sigma": logit_normal(rng, len(drawn["clean"]), NOISE_LEVELS),
            "dropped": unconditioned(rng, len(drawn["clean"])),
        }

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        velocity = network(*self.asked(batch))
        return {"loss": F.mse_loss(velocity, batch["noise"] - batch["clean"])}

    def asked(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What a denoiser is called with: noisy latents, timestep, tokens and style of each."""
        clean, noise, sigma = batch["clean"], batch["noise"], batch["sigma"]
        encoder = self.encoder.to(clean.device)  # the trainer moves only the network it trains
        tokens = tokens_of(encoder, batch["selfies"], batch["mask"])
        each = spread(tokens, encoder, batch["dropped"])
        return clean + level(sigma) * (noise - clean), 1000 * sigma, each, batch["style"]

    def grid(self) -> Image.Image:
        """Six held-out people, a selfie each, in all styles."""
        latents_of = sampled(self.denoiser, self.encoder.null_tokens, Sampler().table())
        return grid_of(self.shown, self.encoder, self.decoder, latents_of)
