"""The schedulers of diffusers whose loops a run can do without drawing noise of its own.

Each of them is linear: every input of the UNet, and the latents at the end, are weighted sums of
the first noise and of the predictions made so far. One table of weights stands for any of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    "DPMSolverMultistepScheduler": "dpm-solver-multistep",
    "EulerDiscreteScheduler": "euler-discrete",
    "PNDMScheduler": "pndm",
    "UniPCMultistepScheduler": "unipc",
}
"""For each known class its name in a manifest."""

FOLDER = "scheduler"

_REFUSED = {
    "thresholding": "clips what it predicts, which is for pictures and not for latents",
    "use_dynamic_shifting": "needs a shift that a run of Stable Diffusion does not give",
    "solver_p": "holds another scheduler inside",
}
"""Settings that no run here can honour, and why."""
_OTHERS = ("skip_prk_steps", "skip_prk_step")
"""Settings of PNDM that checkpoints with other schedulers have, as Stable Diffusion 2 does."""


def kind_of(checkpoint: Path) -> str:
    """The name of the checkpoint's scheduler, as a manifest has it."""
    return KINDS[declared_class(checkpoint, FOLDER)]


def load_scheduler(checkpoint: Path, steps: int) -> Any:
    """The scheduler that a checkpoint names, set to a number of steps.

    It has the two corrections that diffusers' `StableDiffusionPipeline` makes in old files:
    `steps_offset` is 1, and samples are not clipped.

    Raises:
        CheckpointError: It cannot be made of its configuration, it has a setting that its class
            ignores, or it draws noise in every step.
    """
    folder = checkpoint / FOLDER
    kind = getattr(diffusers, declared_class(checkpoint, FOLDER))
    _require_settings(kind, read_json(folder / SCHEDULER_CONFIG), folder / SCHEDULER_CONFIG)
    with understood(folder), reports_instead_of_warnings():
        scheduler = kind.from_pretrained(checkpoint, subfolder=FOLDER, local_files_only=True)
        if getattr(scheduler.config, "steps_offset", 1) != 1:
            scheduler.register_to_config(steps_offset=1)
        if getattr(scheduler.config, "clip_sample", False) is True:
            scheduler.register_to_config(clip_sample=False)
        scheduler.set_timesteps(steps)
    return scheduler


def _require_settings(kind: Any, config: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` where a setting would be ignored, or could not be followed."""
    if str(config.get("algorithm_type", "")).startswith("sde"):
        raise CheckpointError(
            f"{path} has algorithm_type = {config['algorithm_type']!r}, which "
            f"draws noise in every step; expected dpmsolver or dpmsolver++"
        )
    for name, reason in _REFUSED.items():
        if config.get(name):
            raise CheckpointError(f"{path} has {name}, which {reason}; expected none")
    known, usual = kind._get_init_keys(kind), _defaults()
    for name, value in config.items():
        if name in known and _is_flag(kind, name) and type(value) is not bool:
            raise CheckpointError(f"{path} has {name} = {value!r}, expected true or false")
        if name.startswith("_") or name in known or name in _OTHERS or not value:
            continue
        if not any(value == default for default in usual.get(name, ())):
            raise CheckpointError(
                f"{path} has {name} = {repr(value)[:60]}, which a {kind.__name__} does not know"
            )


def _is_flag(kind: Any, name: str) -> bool:
    return isinstance(signature(kind.__init__).parameters[name].default, bool)


@lru_cache(maxsize=1)
def _defaults() -> dict[str, list[Any]]:
    """For each setting of any known scheduler its defaults: there it changes nothing."""
    found: dict[str, list[Any]] = {}
    for name in KINDS:
        for setting in signature(getattr(diffusers, name).__init__).parameters.values():
            found.setdefault(setting.name, []).append(setting.default)
    return found


def weights(scheduler: Any) -> tuple[tuple[float, ...], ...]:
    """The whole loop of a scheduler whose timesteps are set, as weights of a sum.

    Row `i` has `i + 1` weights, of the noise and of the predictions of the calls before call `i`;
    their sum is the UNet's input in call `i`. The last row gives the latents after the last call.

    They are found by a run of the scheduler itself on unit vectors, which it treats like latents.
    """
    calls = len(scheduler.timesteps)
    units = torch.eye(calls + 1, dtype=torch.float64)[:, None, :, None, None]
    sample, rows = units[0] * float(scheduler.init_noise_sigma), []
    for call, timestep in enumerate(scheduler.timesteps):
        rows.append(scheduler.scale_model_input(sample, timestep))
        sample = scheduler.step(units[call + 1], timestep, sample).prev_sample
    rows.append(sample)
    return tuple(
        tuple(rounded(weight) for weight in row.flatten().tolist()[: count + 1])
        for count, row in enumerate(rows)
    )


def table(checkpoint: Path, steps: int) -> dict[str, Any]:
    """The constants of a loop with a number of steps, as a manifest holds them, without guidance.

    Raises:
        CheckpointError: The scheduler refuses its settings, or its loop gives no finite numbers.
    """
    scheduler = load_scheduler(checkpoint, steps)
    with understood(checkpoint / FOLDER):
        rows = weights(scheduler)
    if not all(math.isfinite(weight) for row in rows for weight in row):
        raise CheckpointError(
            f"{checkpoint / FOLDER / SCHEDULER_CONFIG}: {steps} steps of this "
            f"{type(scheduler).__name__} give NaN or infinity, "
            f"expected settings that do not divide by zero"
        )
    return {
        "prediction": scheduler.config.prediction_type,
        "timesteps": [_whole(step) for step in scheduler.timesteps],
        "weights": rows,
    }


def schedule(checkpoint: Path, steps: int) -> dict[str, Any]:
    """The noise schedule and all settings, from which tables of any number of steps can be made."""
    scheduler = load_scheduler(checkpoint, steps)
    settings = {
        name: value
        for name, value in scheduler.config.items()
        if not name.startswith("_")
        and name in scheduler._get_init_keys(type(scheduler))
        and not (isinstance(value, float) and math.isinf(value))  # such a limit limits nothing
    }
    return {
        "alphas_cumprod": [rounded(value) for value in scheduler.alphas_cumprod.tolist()],
        "settings": settings,
    }


def rounded(value: float) -> float:
    """A number with nine digits, which tell any two numbers of float32 apart."""
    return float(f"{value:.9g}")


def _whole(step: Any) -> int | float:
    """A timestep as a manifest has it: an integer where it is one."""
    value = float(step)
    return int(value) if value.is_integer() else value
