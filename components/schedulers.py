"""The schedulers of diffusers whose loops a run can do without drawing noise of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers

from components.checkpoint import read_json, understood
from components.declared import SCHEDULER_CONFIG, declared_class
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


def kind_of(checkpoint: Path) -> str:
    """The name of the checkpoint's scheduler, as a manifest has it."""
    return KINDS[declared_class(checkpoint, FOLDER)]


def load_scheduler(checkpoint: Path, steps: int) -> Any:
    """The scheduler that a checkpoint names, set to a number of steps.

    It has the two corrections that diffusers' `StableDiffusionPipeline` makes in old files:
    `steps_offset` is 1, and samples are not clipped.

    Raises:
        CheckpointError: It cannot be made of its configuration, or it draws noise in every step.
    """
    folder = checkpoint / FOLDER
    config = read_json(folder / SCHEDULER_CONFIG)
    if str(config.get("algorithm_type", "")).startswith("sde"):
        raise CheckpointError(
            f"{folder / SCHEDULER_CONFIG} has algorithm_type = {config['algorithm_type']!r}, which "
            f"draws noise in every step; expected dpmsolver or dpmsolver++"
        )
    with understood(folder):
        kind = getattr(diffusers, declared_class(checkpoint, FOLDER))
        scheduler = kind.from_pretrained(checkpoint, subfolder=FOLDER, local_files_only=True)
        if getattr(scheduler.config, "steps_offset", 1) != 1:
            scheduler.register_to_config(steps_offset=1)
        if getattr(scheduler.config, "clip_sample", False) is True:
            scheduler.register_to_config(clip_sample=False)
        scheduler.set_timesteps(steps)
    return scheduler
