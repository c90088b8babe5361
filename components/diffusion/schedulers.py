"""The schedulers of diffusers, each as a table of weights.

Each of them is linear: every input of the UNet, and the latents at the end, are weighted sums of
the first latents, of the predictions made so far, and of the noise drawn so far. One table stands
for any of them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any

import diffusers
import torch

from components.checkpoint import read_json, understood
from components.declared import (
    SCHEDULER_CONFIG,
    declared_class,
    reports_instead_of_warnings,
)
from components.errors import CheckpointError

KINDS = {
    "DDIMScheduler": "ddim",
    "DDPMScheduler": "ddpm",
    "DEISMultistepScheduler": "deis",
    "DPMSolverMultistepScheduler": "dpm-solver-multistep",
    "DPMSolverSinglestepScheduler": "dpm-solver-singlestep",
    "EulerAncestralDiscreteScheduler": "euler-ancestral",
    "EulerDiscreteScheduler": "euler-discrete",
    "HeunDiscreteScheduler": "heun",
    "KDPM2AncestralDiscreteScheduler": "kdpm2-ancestral",
    "KDPM2DiscreteScheduler": "kdpm2",
    "LCMScheduler": "lcm",
    "PNDMScheduler": "pndm",
    "TCDScheduler": "tcd",
    "UniPCMultistepScheduler": "unipc",
}
"""For each known class its name in a manifest."""
FEW_STEPS = ("lcm", "tcd")
"""Kinds whose weights were distilled for a handful of steps."""

FOLDER = "scheduler"

_REFUSED = {
    "thresholding": "clips what it predicts, which is for pictures and not for latents",
    "clip_sample": "clips what it predicts, which is for pictures and not for latents",
    "use_dynamic_shifting": "needs a shift that a run of Stable Diffusion does not give",
    "solver_p": "holds another scheduler inside",
}
"""Settings that no run here can honour, and why."""
_OTHERS = ("skip_prk_steps", "skip_prk_step")
"""Settings of PNDM that checkpoints with other schedulers have, as Stable Diffusion 2 does."""


def kind_of(checkpoint: Path) -> str:
    """The name of the checkpoint's scheduler, as a manifest has it."""
    return KINDS[declared_class(checkpoint, FOLDER)]


@dataclass(frozen=True, kw_only=True)
class SchedulerSettings:
    """What a scheduler is made of.

    Attributes:
        kind: Its class in diffusers.
        values: Its settings, by their names in diffusers.
        place: What errors call it.
    """

    kind: str
    values: Mapping[str, Any]
    place: Path

    @classmethod
    def of_checkpoint(
        cls, checkpoint: Path, corrections: Mapping[str, Any] | None = None
    ) -> SchedulerSettings:
        """The scheduler that a checkpoint names.

        Args:
            checkpoint: Its folder.
            corrections: What diffusers' pipeline corrects in old files, where the class knows it.

        Raises:
            CheckpointError: It has a setting that its class ignores, or that no run can follow.
        """
        kind = declared_class(checkpoint, FOLDER)
        path = checkpoint / FOLDER / SCHEDULER_CONFIG
        values = dict(read_json(path))
        known = getattr(diffusers, kind)._get_init_keys(getattr(diffusers, kind))
        _require_flags(getattr(diffusers, kind), values, path)
        values |= {name: value for name, value in (corrections or {}).items() if name in known}
        _require_settings(getattr(diffusers, kind), values, path)
        return cls(kind=kind, values=values, place=path)

    @property
    def fewest(self) -> int:
        """Steps that a run has at least: four with the Runge-Kutta steps of PNDM (2202.09778)."""
        runge_kutta = self.kind == "PNDMScheduler" and not self.values.get("skip_prk_steps", False)
        return 4 if runge_kutta else 1

    def scheduler(self, steps: int) -> Any:
        """diffusers' scheduler, set to a number of steps.

        Raises:
            CheckpointError: diffusers refuses the settings.
        """
        with understood(self.place), reports_instead_of_warnings():
            scheduler = getattr(diffusers, self.kind).from_config(dict(self.values))
            scheduler.set_timesteps(steps)
        return scheduler

    def table(self, steps: int, *, strength: float | None = None) -> dict[str, Any]:
        """The constants of a loop, as a manifest holds them, without guidance.

        Args:
            steps: Number of steps.
            strength: How far a run from a picture goes back to noise, in (0,1]: the loop then has
                `int(steps·strength)` of the steps. None for a run from noise alone.

        Raises:
            CheckpointError: The scheduler refuses its settings, or gives no finite numbers, or no
                step is left.
        """
        if strength is not None and int(steps * strength) < 1:
            raise CheckpointError(
                f"a strength of {strength} leaves none of {steps} steps, expected at least "
                f"{1 / steps:.3g}"
            )
        scheduler = self.scheduler(steps)
        with understood(self.place):
            begin, start = _begin(scheduler, steps, strength)
            loop = weights(scheduler, begin=begin, from_picture=strength is not None)
        if not all(math.isfinite(w) for row in (*loop.weights, *loop.noises) for w in row):
            raise CheckpointError(
                f"{self.place}: {steps} steps of this {self.kind} give NaN or infinity, "
                f"expected settings that do not divide by zero"
            )
        timesteps = [_whole(step) for step in scheduler.timesteps[begin:]]
        made: dict[str, Any] = {
            "prediction": self.prediction,
            "timesteps": timesteps,
            "weights": loop.weights,
        }
        if loop.noises:
            made["noises"] = loop.noises
        if strength is not None:
            made |= {"steps": steps, "strength": strength, "start": start}
        return made

    @property
    def prediction(self) -> str:
        """What the UNet predicts, as diffusers calls it."""
        return str(self.values.get("prediction_type", "epsilon"))

    def schedule(self, steps: int) -> dict[str, Any]:
        """The noise schedule and all settings, which give tables of any number of steps."""
        scheduler = self.scheduler(steps)
        settings = {
            name: value
            for name, value in scheduler.config.items()
            if not name.startswith("_")
            and name in scheduler._get_init_keys(type(scheduler))
            and not (isinstance(value, float) and math.isinf(value))  # such a limit limits nothing
        }
        alphas = scheduler.alphas_cumprod.tolist()
        return {"alphas_cumprod": [rounded(value) for value in alphas], "settings": settings}


def _require_flags(kind: Any, config: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` where what is on or off is neither."""
    for name in config.keys() & kind._get_init_keys(kind):
        if _is_flag(kind, name) and type(config[name]) is not bool:
            raise CheckpointError(f"{path} has {name} = {config[name]!r}, expected true or false")


def _require_settings(kind: Any, config: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` where a setting would be ignored, or could not be followed."""
    known, usual = kind._get_init_keys(kind), _defaults()
    if str(config.get("variance_type") or "").startswith("learned"):
        raise CheckpointError(
            f"{path} has variance_type = {config['variance_type']!r}, which a UNet would have to "
            f"predict; expected fixed_small or fixed_large"
        )
    for name, reason in _REFUSED.items():
        if config.get(name, name in known and _default(kind, name)):
            raise CheckpointError(f"{path} has {name}, which {reason}; expected none")
    for name, value in config.items():
        if name.startswith("_") or name in known or name in _OTHERS or not value:
            continue
        if not any(value == default for default in usual.get(name, ())):
            raise CheckpointError(
                f"{path} has {name} = {repr(value)[:60]}, which a {kind.__name__} does not know"
            )


def _default(kind: Any, name: str) -> Any:
    return signature(kind.__init__).parameters[name].default


def _is_flag(kind: Any, name: str) -> bool:
    return isinstance(_default(kind, name), bool)


@lru_cache(maxsize=1)
def _defaults() -> dict[str, list[Any]]:
    """For each setting of any known scheduler its defaults: there it changes nothing."""
    found: dict[str, list[Any]] = {}
    for name in KINDS:
        for setting in signature(getattr(diffusers, name).__init__).parameters.values():
            found.setdefault(setting.name, []).append(setting.default)
    return found


def _begin(scheduler: Any, steps: int, strength: float | None) -> tuple[int, tuple[float, ...]]:
    """The first call's index of a run from a picture, and how picture and noise are mixed there.

    This is what `get_timesteps` and `prepare_latents` of diffusers' pipelines do.
    """
    if strength is None:
        return 0, ()
    skipped = max(steps - min(int(steps * strength), steps), 0) * scheduler.order
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    picture, noise = torch.eye(2, dtype=torch.float64)[:, None, :]
    mixed = scheduler.add_noise(picture, noise, scheduler.timesteps[skipped : skipped + 1])
    return skipped, tuple(rounded(weight) for weight in mixed.flatten().tolist())


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A loop as weights of sums.

    Attributes:
        weights: Row `i` has `i + 1` weights, of the first latents and of the predictions of the
            calls before call `i`; the last row is that of the latents after the last call.
        noises: For each row the weights of the noise drawn before it, in the order of drawing;
            empty where none is drawn.
    """

    weights: tuple[tuple[float, ...], ...]
    noises: tuple[tuple[float, ...], ...] = ()


def weights(
    scheduler: Any, *, begin: int = 0, from_picture: bool = False, eta: float = 0.0
) -> Loop:
    """The loop of a scheduler whose timesteps are set.

    It is found by a run of the scheduler itself on unit vectors, which it treats like latents: one
    for the first noise, one for each prediction, and one for each time that it draws noise.

    Args:
        scheduler: It is used up.
        begin: Index of the first call.
        from_picture: Whether the first latents are what `start` mixes, instead of pure noise.
        eta: How much noise is drawn between steps, where a scheduler leaves that open.
    """
    timesteps = scheduler.timesteps[begin:]
    calls = len(timesteps)
    units = torch.eye(2 * calls + 1, dtype=torch.float64)[:, None, :, None, None]
    sample = units[0] * (1.0 if from_picture else float(scheduler.init_noise_sigma))
    rows, drawn = [], [0]
    arguments = _step_arguments(scheduler, eta)
    with _drawing(scheduler, units[calls + 1 :]) as draws:
        for call, timestep in enumerate(timesteps):
            rows.append(scheduler.scale_model_input(sample, timestep))
            sample = scheduler.step(units[call + 1], timestep, sample, **arguments).prev_sample
            drawn.append(len(draws))
    rows.append(sample)
    flat = [row.flatten().tolist() for row in rows]
    return Loop(
        weights=tuple(_rounded(row[: count + 1]) for count, row in enumerate(flat)),
        noises=tuple(
            _rounded(row[calls + 1 : calls + 1 + count])
            for count, row in zip(drawn, flat, strict=True)
        )
        if drawn[-1]
        else (),
    )


def _step_arguments(scheduler: Any, eta: float) -> dict[str, Any]:
    """What diffusers' pipelines hand to `step` beside prediction, timestep and latents."""
    return {"eta": eta} if "eta" in signature(scheduler.step).parameters else {}


@contextmanager
def _drawing(scheduler: Any, units: torch.Tensor) -> Iterator[Sequence[int]]:
    """While open, a scheduler that draws noise gets a unit vector instead, each time another.

    Yields:
        A list that has one entry for each time.
    """
    module = sys.modules[type(scheduler).__module__]
    original = getattr(module, "randn_tensor", None)
    drawn: list[int] = []
    if original is None:
        yield drawn
        return

    def draw(*_: Any, **__: Any) -> torch.Tensor:
        drawn.append(len(drawn))
        return units[drawn[-1]]

    module.__dict__["randn_tensor"] = draw
    try:
        yield drawn
    finally:
        module.__dict__["randn_tensor"] = original


def _rounded(row: Sequence[float]) -> tuple[float, ...]:
    return tuple(rounded(weight) for weight in row)


def rounded(value: float) -> float:
    """A number with nine digits, which tell any two numbers of float32 apart."""
    return float(f"{value:.9g}")


def _whole(step: Any) -> int | float:
    """A timestep as a manifest has it: an integer where it is one."""
    value = float(step)
    return int(value) if value.is_integer() else value
