"""The student: the teacher's whole way from noise to avatar in one or two calls.

Consistency distillation (arXiv 2303.01469) in two stretches (arXiv 2405.18407): from any noise
level a call jumps along the guided teacher's way to that stretch's end, half noise or none. It
learns so from itself: from a point, and from one that the teacher finds a little nearer, jumps must
end alike. Guidance is in the weights and costs no second call. A single call for both stretches has
a timestep of its own and learns to do at once what two calls do.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from avatar.model import AvatarPipeline, Denoiser, Sampler
from distillation.data import TrainingData
from distillation.pairs import Pairs, grid_of, level, sampled, tokens_of
from distillation.training import Batch

HALF = 0.5
"""Noise level at which the first stretch ends and the second begins."""

FEW_STEPS = Sampler(steps=2, guidance=1.0, also=(1, 4), jump=HALF)
"""How a student samples: guidance is in its weights."""

ALL_AT_ONCE = FEW_STEPS.table(1).timesteps[0]
"""The timestep that asks for both stretches in one call."""

AT_ONCE = 1 / 8
"""Share of samples that learn to do so."""

OWN_LEVELS, SHARES = (1.0, 0.75, 0.5, 0.25), (0.4, 0.1, 0.4, 0.1)
"""Noise levels at which samplers of 2 and 4 steps call it, and how the samples there are shared.
Other samples' levels are uniform: they pass on what is learned."""

AT_OWN_LEVELS = 0.6
"""Share of samples at `OWN_LEVELS`. Half of those below 1 start where the student's own calls have
led it, not where a drawing does: later calls mend what earlier ones did."""

HALVINGS = (2, 3)
"""The teacher goes 2^-k of the way to the stretch's end; k at the start and at the end."""

NEXT_TO = 0.04
"""What is nearer than this to its stretch's end counts as there."""

HUBER = 0.03
"""Scale of the pseudo-Huber distance (arXiv 2310.14189, section 3.3), in units of a velocity."""

SMALLEST = 0.05
"""Length of a jump below which errors are weighted no more."""


class StudentTask:
    """Distils a teacher into a copy of it; the identity encoder stays as it is."""

    def __init__(
        self, pipeline: AvatarPipeline, people: TrainingData, latents: Tensor, shown: TrainingData
    ) -> None:
        """`pipeline` is the teacher's; `latents` (avatars,C,32,32) belong to `people.avatars`."""
        self.network: Denoiser = copy.deepcopy(pipeline.denoiser)
        self.pipeline = pipeline
        for part in (pipeline.denoiser, pipeline.identity_encoder):
            part.requires_grad_(False).eval()
        pipeline.denoiser.to(memory_format=torch.channels_last)  # a fifth faster
        self.guidance = float(pipeline.sampler.config["guidance"])
        self.pairs, self.shown = Pairs(people, latents), shown

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        drawn = self.pairs.draw(rng, batch)
        shape = drawn["clean"].shape
        noise = torch.from_numpy(rng.standard_normal(shape, np.float32))
        return {**drawn, "noise": noise, **farther_points(rng, len(noise))}

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        clean, noise, far, at_once = (batch[n] for n in ("clean", "noise", "far", "at_once"))
        self.pipeline.to(clean.device)  # the trainer moves only the network that it trains
        tokens = tokens_of(self.pipeline.identity_encoder, batch["selfies"], batch["mask"])
        who = (tokens.repeat_interleave(len(clean) // len(tokens), dim=0), batch["style"])
        end = end_of(far).where(~at_once, 0)
        near = nearer_points(far, progress).where(~at_once, HALF)
        with torch.no_grad():
            start = clean + level(far) * (noise - clean)
            start = _where(batch["own"], start, self._led(network), noise, far, *who)
            nearer = _where(~at_once, start, self._guided, start, far, near, *who)
            nearer = _where(at_once, nearer, _jump(network), start, far, near, *who)
            target = _jump(network)(nearer, near, end, *who)
        timestep = (1000 * far).where(~at_once, ALL_AT_ONCE)
        found = start + level(end - far) * network(start, timestep, *who)
        error = (found - target) / level((far - end).clamp(min=SMALLEST))
        distance = (error.square().mean(dim=(1, 2, 3)) + HUBER**2).sqrt() - HUBER
        return {"loss": distance.mean()}

    def grid(self) -> Image.Image:
        """Six held-out people; a selfie, then every style in two steps."""
        encoder = self.pipeline.identity_encoder
        latents_of = sampled(self.network, encoder.null_tokens, FEW_STEPS.table())
        return grid_of(self.shown, encoder, self.pipeline.decoder, latents_of)

    def _guided(
        self, latents: Tensor, far: Tensor, near: Tensor, tokens: Tensor, style: Tensor
    ) -> Tensor:
        """One step of the guided teacher's, from noise level `far` to `near`."""
        teacher, null = self.pipeline.denoiser, self.pipeline.identity_encoder.null_tokens
        conditioned = teacher(latents, 1000 * far, tokens, style)
        free = teacher(latents, 1000 * far, null.expand_as(tokens), style)
        return latents + level(near - far) * (free + self.guidance * (conditioned - free))

    def _led(self, network: nn.Module) -> Step:
        """Where calls of the student's own lead from pure noise: at half noise, or part of the way
        from noise to there, or from there to the picture."""

        def step(noise: Tensor, far: Tensor, *who: Tensor) -> Tensor:
            jump, zero = _jump(network), torch.zeros_like(far)
            half = jump(noise, zero + 1, zero + HALF, *who)
            clean = jump(half, zero + HALF, zero, *who)
            first = level(far >= HALF)
            passed, ahead = half.where(~first, noise), clean.where(~first, half)
            return ahead + level(far - HALF * (far >= HALF)) / HALF * (passed - ahead)

        return step


Step = Callable[..., Tensor]
"""Takes latents and other tensors, a row each for each sample, and gives latents."""


def _jump(network: nn.Module) -> Step:
    """A call that leads latents from noise level `far` to `end`."""

    def step(latents: Tensor, far: Tensor, end: Tensor, *who: Tensor) -> Tensor:
        return latents + level(end - far) * network(latents, 1000 * far, *who)

    return step


def _where(mask: Tensor, latents: Tensor, step: Step, *arguments: Tensor) -> Tensor:
    """`latents`, but in rows of `mask` what `step` makes of those rows of `arguments`."""
    if not mask.any():
        return latents
    result = latents.clone()
    result[mask] = step(*(argument[mask] for argument in arguments))
    return result


def farther_points(rng: np.random.Generator, count: int) -> Batch:
    """Where samples' jumps begin: their noise levels "far" in (0,1], which of them jump "at_once",
    from noise to picture, and which begin at points of the student's "own"; each (count,)."""
    at_once = rng.random(count) < AT_ONCE
    chosen = rng.choice(np.array(OWN_LEVELS, np.float32), count, p=SHARES)
    there = rng.random(count) < AT_OWN_LEVELS
    far = np.where(there, chosen, 1 - rng.random(count, np.float32))
    far[at_once] = 1
    own = there & (far < 1) & (rng.random(count) < 1 / 2)
    found = {"far": far, "at_once": at_once, "own": own}
    return {name: torch.from_numpy(values) for name, values in found.items()}


def end_of(far: Tensor) -> Tensor:
    """The noise level at which each point's stretch ends."""
    return HALF * (far > HALF).float()


def nearer_points(far: Tensor, progress: float) -> Tensor:
    """Noise levels a little nearer to the stretches' ends, at this share of the training."""
    end = end_of(far)
    near = far - (far - end) * 2.0 ** -halvings(progress)
    return torch.where(near - end < NEXT_TO, end, near)


def halvings(progress: float) -> int:
    """How small a share of its way the teacher goes, at this share of the training."""
    first, last = HALVINGS
    return min(last, first + int(progress * (last - first + 1)))
