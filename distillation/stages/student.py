"""The student: the teacher's whole path from noise to avatar in one or two calls.

Consistency distillation (arXiv 2303.01469) in two segments (arXiv 2405.18407). From any noise level
one call jumps along the guided teacher's path to the end of the segment: to half noise, or to none.
The student learns this from itself: its jump from a point, and its jump from a point that the
teacher finds a little nearer to the end, must end alike. Guidance is in the weights and costs no
second call. A single call over both segments has a timestep of its own, and learns to do at once
what two calls do.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from avatar.model import AvatarPipeline, Denoiser, Sampler
from distillation.data import PairSampler, TrainingData
from distillation.run_folder import (
    CHECKPOINT,
    cached_latents,
    check_styles,
    copy_weights,
    load_part,
    open_pipeline,
    run_on,
    save_pipeline,
)
from distillation.stages.conditioning import encode_people, for_latents
from distillation.stages.grids import by_sampling, people_grid
from distillation.training import Batch, Schedule, read_record
from support.progress import Progress, silent

HALF = 0.5
"""Noise level at which the first segment ends and the second begins."""

FEW_STEPS = Sampler(steps=2, guidance=1.0, also=(1, 4), jump=HALF)
"""The sampler of a student; guidance is 1 because it is in the weights."""

SINGLE_CALL = FEW_STEPS.table(1).timesteps[0]
"""The timestep that asks for both segments in one call."""

SINGLE_CALL_SHARE = 1 / 8
"""Share of samples that learn the single call."""

SAMPLER_LEVELS, LEVEL_SHARES = (1.0, 0.75, 0.5, 0.25), (0.4, 0.1, 0.4, 0.1)
"""Noise levels at which samplers of 2 and 4 steps call the network, and how the samples there are
shared among them. The levels of all other samples are uniform."""

SAMPLER_LEVELS_SHARE = 0.6
"""Share of samples at `SAMPLER_LEVELS`. Half of those below level 1 start where the student's own
calls lead, not where a drawing does, so that later calls correct what earlier ones did."""

HALVINGS = (2, 3)
"""The teacher goes 2^-k of the way to the segment's end: k at the start and at the end."""

NEAR_END = 0.04
"""A point nearer than this to its segment's end counts as the end."""

HUBER = 0.03
"""Scale of the pseudo-Huber distance (arXiv 2310.14189, section 3.3), in units of a velocity."""

SHORTEST_JUMP = 0.05
"""Errors are divided by the length of the jump, but by no less than this."""

Step = Callable[..., Tensor]
"""Latents to latents; further tensor arguments have one row for each sample."""


def train_student(
    people: TrainingData,
    held_out: TrainingData,
    schedule: Schedule,
    out: Path,
    *,
    teacher: Path,
    autoencoder: Path,
    start_from: Path | None = None,
    progress: Progress = silent,
) -> AvatarPipeline:
    """Train a copy of the teacher to draw in few steps, and save the whole pipeline with it.

    `teacher` and `autoencoder` are runs. `start_from` is another student's run of the same teacher,
    whose denoiser is trained further instead of a copy of the teacher's.
    """
    pipeline = open_pipeline(teacher / CHECKPOINT)
    check_styles(people, teacher / CHECKPOINT)
    latents = cached_latents(pipeline.latent_encoder, people, autoencoder)
    torch.manual_seed(schedule.seed)
    task = StudentTask(pipeline, people, latents, held_out)
    if start_from:
        copy_weights(load_part(Denoiser, start_from, "denoiser"), task.network, start_from)
    run = run_on(people, task, schedule, out)
    run.record.before = read_record(start_from or teacher)
    run.train(progress)
    pipeline.register_modules(denoiser=task.network.cpu().eval(), sampler=FEW_STEPS)
    save_pipeline(pipeline, people.styles, out)
    return pipeline


class StudentTask:
    """Distil a teacher into a copy of it; the identity encoder stays as it is."""

    def __init__(
        self,
        pipeline: AvatarPipeline,
        people: TrainingData,
        latents: Tensor,
        held_out: TrainingData,
    ) -> None:
        """`pipeline` is the teacher's; `latents` (drawings,C,32,32) are of `people.drawings`."""
        self.network: Denoiser = copy.deepcopy(pipeline.denoiser)
        self.pipeline = pipeline
        for part in (pipeline.denoiser, pipeline.identity_encoder):
            part.requires_grad_(False).eval()
        pipeline.denoiser.to(memory_format=torch.channels_last)  # a fifth faster
        self.guidance = float(pipeline.sampler.config["guidance"])
        self.pairs, self.held_out = PairSampler(people, latents), held_out

    def sample(self, rng: np.random.Generator, batch: int) -> Batch:
        """What `PairSampler.sample` and `start_points` give, and "noise" as "clean"."""
        pairs = self.pairs.sample(rng, batch)
        shape = pairs["clean"].shape
        noise = torch.from_numpy(rng.standard_normal(shape, np.float32))
        return {**pairs, "noise": noise, **start_points(rng, len(noise))}

    def losses(self, network: nn.Module, batch: Batch, done: float) -> dict[str, Tensor]:
        """The pseudo-Huber distance between the ends of the two jumps."""
        clean, noise = batch["clean"], batch["noise"]
        far, single_call = batch["far"], batch["single_call"]
        self.pipeline.to(clean.device)  # the loop moves only the network that it trains
        tokens = encode_people(self.pipeline.identity_encoder, batch["selfies"], batch["mask"])
        who = (tokens.repeat_interleave(len(clean) // len(tokens), dim=0), batch["style"])
        end = segment_end(far).where(~single_call, 0)
        near = nearer_points(far, done).where(~single_call, HALF)
        with torch.no_grad():
            start = clean + for_latents(far) * (noise - clean)
            start = _where(batch["own"], start, self._own_points(network), noise, far, *who)
            nearer = _where(~single_call, start, self._guided, start, far, near, *who)
            nearer = _where(single_call, nearer, _jump(network), start, far, near, *who)
            target = _jump(network)(nearer, near, end, *who)
        timestep = (1000 * far).where(~single_call, SINGLE_CALL)
        found = start + for_latents(end - far) * network(start, timestep, *who)
        error = (found - target) / for_latents((far - end).clamp(min=SHORTEST_JUMP))
        distance = (error.square().mean(dim=(1, 2, 3)) + HUBER**2).sqrt() - HUBER
        return {"loss": distance.mean()}

    def grid(self) -> Image.Image:
        """Held-out people: a selfie, and an avatar in every style in two steps."""
        encoder = self.pipeline.identity_encoder
        latents_of = by_sampling(self.network, encoder.null_tokens, FEW_STEPS.table())
        return people_grid(self.held_out, encoder, self.pipeline.decoder, latents_of)

    def _guided(
        self, latents: Tensor, far: Tensor, near: Tensor, tokens: Tensor, style: Tensor
    ) -> Tensor:
        """One Euler step of the guided teacher, from noise level `far` to `near`, each (b,)."""
        teacher, null = self.pipeline.denoiser, self.pipeline.identity_encoder.null_tokens
        conditioned = teacher(latents, 1000 * far, tokens, style)
        free = teacher(latents, 1000 * far, null.expand_as(tokens), style)
        return latents + for_latents(near - far) * (free + self.guidance * (conditioned - free))

    def _own_points(self, network: nn.Module) -> Step:
        """Points at given noise levels on the path that the student's own calls take from noise."""

        def step(noise: Tensor, far: Tensor, *who: Tensor) -> Tensor:
            jump, zero = _jump(network), torch.zeros_like(far)
            half = jump(noise, zero + 1, zero + HALF, *who)
            clean = jump(half, zero + HALF, zero, *who)
            first = for_latents(far >= HALF)
            passed, ahead = half.where(~first, noise), clean.where(~first, half)
            return ahead + for_latents(far - HALF * (far >= HALF)) / HALF * (passed - ahead)

        return step


def _jump(network: nn.Module) -> Step:
    """A call that moves latents from noise level `far` to `end`, each (b,)."""

    def step(latents: Tensor, far: Tensor, end: Tensor, *who: Tensor) -> Tensor:
        return latents + for_latents(end - far) * network(latents, 1000 * far, *who)

    return step


def _where(mask: Tensor, latents: Tensor, step: Step, *arguments: Tensor) -> Tensor:
    """`latents`, with the rows of `mask` replaced by `step` of those rows of `arguments`."""
    if not mask.any():
        return latents
    result = latents.clone()
    result[mask] = step(*(argument[mask] for argument in arguments))
    return result


def start_points(rng: np.random.Generator, count: int) -> Batch:
    """Where the jumps of `count` samples begin.

    Returns:
        Tensors (count,): "far", noise levels in (0,1]; "single_call" (bool), which samples jump
        from noise to picture in one call; "own" (bool), which begin on the student's own path.
    """
    single_call = rng.random(count) < SINGLE_CALL_SHARE
    chosen = rng.choice(np.array(SAMPLER_LEVELS, np.float32), count, p=LEVEL_SHARES)
    there = rng.random(count) < SAMPLER_LEVELS_SHARE
    far = np.where(there, chosen, 1 - rng.random(count, np.float32))
    far[single_call] = 1
    own = there & (far < 1) & (rng.random(count) < 1 / 2)
    found = {"far": far, "single_call": single_call, "own": own}
    return {name: torch.from_numpy(values) for name, values in found.items()}


def segment_end(far: Tensor) -> Tensor:
    """The noise level at which the segment of each noise level ends, (b,)."""
    return HALF * (far > HALF).float()


def nearer_points(far: Tensor, done: float) -> Tensor:
    """Noise levels a little nearer to the segment's end than `far` (b,).

    `done` is the share of the training that is done, in [0,1).
    """
    end = segment_end(far)
    near = far - (far - end) * 2.0 ** -halvings(done)
    return torch.where(near - end < NEAR_END, end, near)


def halvings(done: float) -> int:
    """The k of `HALVINGS` at this share of the training."""
    first, last = HALVINGS
    return min(last, first + int(done * (last - first + 1)))
