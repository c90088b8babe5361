"""Schedulers of diffusers as levels of a rectified flow, which every avatar's sampler runs along.

Latents `x = a·clean + b·noise` of a scheduler are `y = x/(a + b) = (1 - s)·clean + s·noise` at the
level `s = b/(a + b)`, and a step of DDIM (arXiv 2010.02502) is Euler's rule on y. Whatever a UNet
predicts, a step of any scheduler that looks at one prediction is
`x' = A·x + B·prediction + N·fresh`; A, B and N are found by a run of the scheduler itself. So one
row of numbers for each call makes a velocity of the UNet's answer.

The sampler begins with plain noise, so that it holds `gain·y`; the decoder divides by the gain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from avatar.model import SamplerTable
from components.checkpoint import understood
from components.declared import reports_instead_of_warnings
from components.diffusion.schedulers import Loop, SchedulerSettings, rounded, weights
from components.errors import CheckpointError

ADVICE = "name another in [sampler]: DDIMScheduler, EulerDiscreteScheduler or, for few steps, "
ADVICE += "LCMScheduler or TCDScheduler"
_LEAST = 1e-6
"""Smallest change of the level in a step, and the largest that counts as none elsewhere."""

Row = tuple[float, float, float, float]
"""What the denoiser knows of a call: the UNet's timestep, and c, p, q such that the UNet sees
c·latents, and the velocity is p·latents + q·(the UNet's answer)."""


@dataclass(frozen=True, kw_only=True)
class Levels:
    """The sampler tables of one model.

    Attributes:
        tables: A table for each number of steps, the default first; their timesteps are indices of
            `rows`.
        rows: A row for each call of each table.
        end: What the last latents are multiplied by to be those of the scheduler.
    """

    tables: tuple[SamplerTable, ...]
    rows: tuple[Row, ...]
    end: float


@dataclass(frozen=True, kw_only=True)
class _Step:
    """`x' = sample·x + answer·prediction + noise·fresh`, where x is what the UNet sees."""

    sample: float
    answer: float
    noise: float


def levels_of(
    settings: SchedulerSettings, steps: Sequence[int], *, guidance: float, eta: float = 0.0
) -> Levels:
    """The tables of a scheduler.

    Args:
        settings: The scheduler.
        steps: Numbers of steps, the default first.
        guidance: Scale of guidance; 1 for none.
        eta: How much fresh noise a step adds, in schedulers that leave it open, in [0,1].

    Raises:
        CheckpointError: The scheduler looks at more than one prediction, or gives no finite
            numbers.
    """
    tables: list[SamplerTable] = []
    rows: list[Row] = []
    gain = end = None
    for count in steps:
        scheduler = settings.scheduler(count)
        times = [float(time) for time in scheduler.timesteps]
        with understood(settings.place), reports_instead_of_warnings():
            first = _first_level(scheduler)
            loop = weights(scheduler, eta=eta)
        start, found = _steps(loop, settings, count)
        run = _run(settings.prediction, start, found, first, gain=gain, end=end)
        gain, end = gain or run.gain, end or run.end
        made = [(time, *numbers) for time, numbers in zip(times, run.numbers, strict=True)]
        _require_finite(settings, count, [*made, run.sigmas])
        indices = range(len(rows), len(rows) + len(made))
        fresh = {"downs": run.downs, "noises": run.noises} if any(run.noises) else {}
        tables.append(
            SamplerTable(
                prediction="velocity",
                guidance=guidance,
                timesteps=tuple(map(float, indices)),
                sigmas=run.sigmas,
                **fresh,
            )
        )
        rows += made
    assert end is not None, "there is at least one table"
    return Levels(tables=tuple(tables), rows=tuple(rows), end=end)


def _first_level(scheduler: Any) -> tuple[float, float]:
    """Shares of picture and noise in what the scheduler begins with, in its own units."""
    picture, noise = torch.eye(2, dtype=torch.float64)[:, None, :]
    mixed = scheduler.add_noise(picture, noise, scheduler.timesteps[:1]).flatten().tolist()
    scale = float(scheduler.init_noise_sigma)
    return mixed[0] / scale, mixed[1] / scale


def _steps(loop: Loop, settings: SchedulerSettings, count: int) -> tuple[float, list[_Step]]:
    """What the UNet sees of the first noise, and every step by itself.

    Raises:
        CheckpointError: A step looks back at the predictions of earlier ones.
    """
    _require_finite(settings, count, [*loop.weights, *loop.noises])
    calls = len(loop.weights) - 1
    width = 1 + calls + (len(loop.noises[-1]) if loop.noises else 0)
    vectors = np.zeros((calls + 1, width))
    drawn = [0] * (calls + 1)
    for index, row in enumerate(loop.weights):
        vectors[index, : len(row)] = row
        if loop.noises:
            drawn[index] = len(loop.noises[index])
            vectors[index, 1 + calls : 1 + calls + drawn[index]] = loop.noises[index]
    made = []
    for call in range(calls):
        before, after = vectors[call], vectors[call + 1].copy()
        answer, noise = after[1 + call], 0.0
        after[1 + call] = 0.0
        if drawn[call + 1] > drawn[call]:
            noise = after[calls + drawn[call + 1]]
            after[calls + drawn[call + 1]] = 0.0
        sample = float(after @ before / (before @ before))
        left = float(np.abs(after - sample * before).max())
        if not left <= _LEAST * max(1.0, float(np.abs(after).max())):
            raise CheckpointError(
                f"{settings.place}: {count} steps of a {settings.kind} look back at earlier "
                f"predictions, which an avatar's sampler does not keep; {ADVICE}"
            )
        made.append(_Step(sample=sample, answer=float(answer), noise=abs(float(noise))))
    return float(vectors[0, 0]), made


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One table's numbers; `numbers` are c, p, q of each call."""

    numbers: list[tuple[float, float, float]]
    sigmas: tuple[float, ...]
    downs: tuple[float, ...]
    noises: tuple[float, ...]
    gain: float
    end: float


def _run(
    prediction: str,
    start: float,
    steps: Sequence[_Step],
    first: tuple[float, float],
    *,
    gain: float | None,
    end: float | None,
) -> _Run:
    """One run along the levels.

    Args:
        prediction: What the UNet predicts.
        start: What the UNet sees of the first noise.
        steps: The scheduler's steps.
        first: Shares of picture and noise at the beginning.
        gain: That of the first table, which all share; None for the first one.
        end: Likewise.
    """
    share, noisy = start * first[0], start * first[1]
    gain = (share + noisy) / start if gain is None else gain
    seen = start  # what the UNet sees, divided by the latents
    numbers, sigmas, downs, noises = [], [rounded(noisy / (share + noisy))], [], []
    for index, step in enumerate(steps):
        clean, rest = _shares(prediction, step, share, noisy)
        rest = rest if rest > _LEAST * clean else 0.0  # what rounding leaves of noise
        lifted = math.hypot(rest, step.noise)
        last = index == len(steps) - 1
        # The latents after this step, divided by the scheduler's own.
        scale = 1 / end if last and end is not None else gain / (clean + lifted)
        target = rounded(lifted / (clean + lifted))
        down = rounded(rest / (clean + rest)) if step.noise else target
        lowered = scale * (clean + lifted) / (clean + rest) if step.noise else scale
        stride = down - sigmas[-1]
        stride = stride if abs(stride) > _LEAST else math.nan
        keep = (lowered * step.sample * seen - 1) / stride
        numbers.append((seen, keep, lowered * step.answer / stride))
        sigmas.append(target)
        downs.append(down)
        noises.append(rounded(scale * step.noise))
        share, noisy, seen = clean, lifted, 1 / scale
    return _Run(
        numbers=numbers,
        sigmas=tuple(sigmas),
        downs=tuple(downs),
        noises=tuple(noises),
        gain=gain,
        end=seen if end is None else end,
    )


def _shares(prediction: str, step: _Step, share: float, noisy: float) -> tuple[float, float]:
    """Shares of picture and noise after a step, before fresh noise, where the UNet is right."""
    if prediction == "epsilon":
        right = (0.0, 1.0)
    elif prediction == "v_prediction":
        right = (-noisy, share)
    else:  # "sample"
        right = (1.0, 0.0)
    clean, rest = (
        step.sample * held + step.answer * answer
        for held, answer in zip((share, noisy), right, strict=True)
    )
    return clean, rest


def _require_finite(
    settings: SchedulerSettings, count: int, numbers: Sequence[Sequence[float]]
) -> None:
    if all(math.isfinite(number) for row in numbers for number in row):
        return
    raise CheckpointError(
        f"{settings.place}: {count} steps of this {settings.kind} give NaN or infinity, or a step "
        f"that changes nothing; {ADVICE}, or a UNet that predicts v where nothing is left of the "
        f"picture at the first step"
    )
