"""The teacher: a rectified flow from noise to the latents of a person's avatar in a style."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from avatar.decoder import Decoder
from avatar.denoiser import Denoiser
from avatar.sampler import Sampler
from distillation.data import People
from distillation.identity import LabelledEncoder, label_losses
from distillation.pairs import Pairs, grid_of, level, logit_normal

LABEL_WEIGHT = 0.1
"""Weight of reading the attributes off the tokens, beside the flow's loss."""

SKETCH_WEIGHT = 0.5
"""Weight of the sketch's distance to the drawing: it needs no noise to learn from."""

UNCONDITIONED = 0.1
"""Share of samples trained with the null tokens, for guidance (arXiv 2207.12598)."""

NOISE_LEVELS = (0.4, 1.2)
"""Mean and deviation of the noise level's logit. Above half on average: there is decided who and in
which style is drawn; the last steps only sharpen what is there."""


class Teacher(nn.Module):
    """The identity encoder and the denoiser, trained together."""

    def __init__(self, identity: LabelledEncoder, denoiser: Denoiser) -> None:
        super().__init__()
        self.identity, self.denoiser = identity, denoiser

    def forward(
        self,
        selfies: Tensor,
        mask: Tensor,
        noisy: Tensor,
        sigma: Tensor,
        style: Tensor,
        dropped: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Velocity and sketch (b,C,32,32), and class logits (people, classes).

        `noisy` (b,C,32,32), b a multiple of the number of people, person by person; `sigma` (b,) in
        [0,1]; `style` (b,); `dropped` (b,) bool, true where null tokens replace the person's.
        """
        tokens, logits = self.identity(selfies, mask)
        tokens = tokens.repeat_interleave(len(noisy) // len(tokens), dim=0)
        null = self.identity.encoder.null_tokens.expand_as(tokens)
        tokens = torch.where(dropped[:, None, None], null, tokens)
        velocity = self.denoiser(noisy, 1000 * sigma, tokens, style)
        return velocity, self.denoiser.expected(tokens, style), logits


class TeacherTask:
    """Rectified-flow matching (arXiv 2209.03003) with noise levels from a logit-normal law, and the
    attributes read off the tokens."""

    def __init__(
        self, network: Teacher, people: People, latents: Tensor, shown: People, decoder: Decoder
    ) -> None:
        """`latents` (avatars, C, 32, 32) belong to `people.avatars`, entry by entry."""
        self.network, self.pairs = network, Pairs(people, latents)
        self.shown, self.decoder = shown, decoder

    def losses(
        self, network: nn.Module, rng: np.random.Generator, batch: int, progress: float
    ) -> dict[str, Tensor]:
        device = next(network.parameters()).device
        drawn = self.pairs.draw(rng, batch)
        clean, count = drawn.clean, len(drawn.clean)
        noise = torch.from_numpy(rng.standard_normal(clean.shape, np.float32))
        sigma = logit_normal(rng, count, NOISE_LEVELS)
        noisy = clean + level(sigma) * (noise - clean)
        dropped = torch.from_numpy(rng.random(count) < UNCONDITIONED)
        inputs = (drawn.selfies, drawn.mask, noisy, sigma, drawn.style, dropped)
        velocity, expected, logits = network(*(value.to(device) for value in inputs))
        flow = F.mse_loss(velocity, (noise - clean).to(device))
        sketch = F.mse_loss(expected, clean.to(device))
        reading, right = label_losses(logits, drawn.labels.to(device))
        loss = flow + SKETCH_WEIGHT * sketch + LABEL_WEIGHT * reading
        return {"loss": loss, "flow": flow, "sketch": sketch, "right": right}

    def grid(self) -> Image.Image:
        """Six held-out people, a selfie each, in all styles."""
        parts = (self.network.identity.encoder, self.network.denoiser, self.decoder)
        return grid_of(self.shown, *parts, Sampler().table())
