"""The student: the teacher's whole way from noise to avatar in one or two calls.

Consistency tuning (ECT, arXiv 2406.14548): a network that starts as the teacher learns that two
points of one way end in the same picture, first for points far apart, then ever closer. The way is
the guided teacher's, so that guidance is in the weights and costs no second call.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from avatar.denoiser import Denoiser
from avatar.pipeline import AvatarPipeline
from avatar.sampler import Sampler
from distillation.data import TrainingData
from distillation.pairs import Pairs, grid_of, level, logit_normal, sampled, tokens_of
from distillation.training import Batch

HALVINGS = (1, 6)
"""The nearer point has 1 - 2^-k of the farther one's noise level; k at the start and at the end."""

NOISE_LEVELS = (1.0, 1.6)
"""Mean and deviation of the farther point's logit: few steps begin near pure noise."""


HUBER = 0.03
"""Scale of the pseudo-Huber distance (arXiv 2310.14189, section 3.3), in units of a velocity."""

FEW_STEPS = Sampler(steps=2, guidance=1.0, also=(1, 4))
"""How a student samples: guidance is in its weights."""

OWN_LEVELS = tuple(sigma for steps in (1, 2, 4) for sigma in FEW_STEPS.table(steps).sigmas[:-1])
"""Noise levels at which samplers of 1, 2 and 4 steps call it, each as often as it is called: half
of the farther points lie there, and the others pass on what is learned."""

SMALLEST = 0.05
"""Noise level below which errors are weighted no more."""


class StudentTask:
    """Consistency tuning of a copy of the teacher; the identity encoder stays as it is."""

    def __init__(
        self, pipeline: AvatarPipeline, people: TrainingData, latents: Tensor, shown: TrainingData
    ) -> None:
        """`pipeline` is the teacher's; `latents` (avatars,C,32,32) belong to `people.avatars`."""
        self.network: Denoiser = copy.deepcopy(pipeline.denoiser)
        self.pipeline = pipeline
        for part in (pipeline.denoiser, pipeline.identity_encoder):
            part.requires_grad_(False).eval()
        self.guidance = float(pipeline.sampler.config["guidance"])
        self.pairs, self.shown = Pairs(people, latents), shown

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        drawn = self.pairs.draw(rng, batch)
        shape = drawn["clean"].shape
        return {
            **drawn,
            "noise": torch.from_numpy(rng.standard_normal(shape, np.float32)),
            "far": farther_points(rng, len(drawn["clean"])),
        }

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        clean, noise, far, style = (batch[name] for name in ("clean", "noise", "far", "style"))
        near = far * (1 - 2.0 ** -halvings(progress))
        self.pipeline.to(clean.device)  # the trainer moves only the network that it trains
        tokens = tokens_of(self.pipeline.identity_encoder, batch["selfies"], batch["mask"])
        tokens = tokens.repeat_interleave(len(clean) // len(tokens), dim=0)
        start = clean + level(far) * (noise - clean)
        with torch.no_grad():
            guided = noise - clean + self._guidance(start, far, tokens, style)
            nearer = start + level(near - far) * guided
            target = nearer - level(near) * network(nearer, 1000 * near, tokens, style)
        found = start - level(far) * network(start, 1000 * far, tokens, style)
        error = (found - target) / level(far.clamp(min=SMALLEST))
        distance = (error.square().mean(dim=(1, 2, 3)) + HUBER**2).sqrt() - HUBER
        return {"loss": distance.mean()}

    def grid(self) -> Image.Image:
        """Six held-out people; a selfie, then every style in two steps."""
        encoder = self.pipeline.identity_encoder
        latents_of = sampled(self.network, encoder.null_tokens, FEW_STEPS.table())
        return grid_of(self.shown, encoder, self.pipeline.decoder, latents_of)

    def _guidance(self, latents: Tensor, sigma: Tensor, tokens: Tensor, style: Tensor) -> Tensor:
        """What guidance adds to a velocity: (scale - 1)·(conditioned - unconditioned)."""
        teacher, null = self.pipeline.denoiser, self.pipeline.identity_encoder.null_tokens
        conditioned = teacher(latents, 1000 * sigma, tokens, style)
        unconditioned = teacher(latents, 1000 * sigma, null.expand_as(tokens), style)
        return (self.guidance - 1) * (conditioned - unconditioned)


def farther_points(rng: np.random.Generator, count: int) -> Tensor:
    """(count,) noise levels in (0,1]: by half from `OWN_LEVELS`, by half logit-normal."""
    chosen = torch.from_numpy(rng.choice(np.array(OWN_LEVELS, np.float32), count))
    spread = logit_normal(rng, count, NOISE_LEVELS)
    return torch.where(torch.from_numpy(rng.random(count) < 1 / 2), chosen, spread)


def halvings(progress: float) -> int:
    """How close the two points are at this share of the training."""
    first, last = HALVINGS
    return min(last, first + int(progress * (last - first + 1)))
