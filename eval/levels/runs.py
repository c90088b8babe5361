"""Whole runs of an artifact, batch by batch: latents and final pictures.

The figures of a batch are arrays, so that another process can make them, and a long evaluation can
keep them and continue after it was stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from components import Arrays
from eval.cases import RunCase
from eval.levels import image, trajectory
from eval.levels.figures import CaseFigures
from eval.reference import Model, RecordedRun, Reference

SEEN = "seen."


@dataclass(frozen=True, kw_only=True)
class RunFigures:
    """Where the figures of whole runs against one reference go."""

    trajectory: CaseFigures
    image: CaseFigures


def measure_runs(
    runs: tuple[RunCase, ...],
    references: Sequence[Reference],
    model: Model,
    see: Callable[[Sequence[RecordedRun]], Arrays],
    *,
    byte_images: bool,
) -> dict[str, np.ndarray]:
    """Draw the runs of a batch and compare them with every reference.

    Args:
        runs: The runs, all in one sampler table.
        references: What they are compared with.
        model: The artifact.
        see: Gives what levels of their own keep of the runs.
        byte_images: Whether pictures come in steps of 1/255.

    Returns:
        `image.AGAINST.METRIC` (runs,), `latents.AGAINST.METRIC` (runs, steps), and
        `seen.NAME` for the arrays of `see`.
    """
    found: dict[str, list[np.ndarray]] = {}
    everything = []
    for run in runs:
        drawn = model.draw(run)
        everything.append(RecordedRun(latents=(), picture=drawn.picture))
        for reference in references:
            expected, against = reference.recorded(run), reference.against
            for metric, steps in trajectory.compare(expected, drawn).items():
                found.setdefault(f"latents.{against}.{metric}", []).append(steps)
            measured = image.compare(expected.picture, drawn.picture, byte_images=byte_images)
            for metric, value in measured.items():
                found.setdefault(f"image.{against}.{metric}", []).append(np.array(value))
    arrays = {name: np.stack(values) for name, values in found.items()}
    seen = see(everything)
    return arrays | {f"{SEEN}{name}": array for name, array in seen.items()}


def collect(
    collected: Sequence[RunFigures],
    references: Sequence[Reference],
    runs: tuple[RunCase, ...],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Add the figures of a batch.

    Args:
        collected: Where they go, one for each reference.
        references: What the runs were compared with.
        runs: The runs of the batch.
        arrays: What `measure_runs` returned.
    """
    for figures, reference in zip(collected, references, strict=True):
        timesteps = references[0].model.timesteps(runs[0].steps)
        pictures = _part(arrays, f"image.{reference.against}.")
        latents = _part(arrays, f"latents.{reference.against}.")
        for index, run in enumerate(runs):
            where = run.where()
            values = {name: float(of_runs[index]) for name, of_runs in pictures.items()}
            figures.image.add(where, values)
            for step, timestep in enumerate(timesteps):
                figures.trajectory.add(
                    replace(where, step=step, timestep=timestep),
                    {name: float(of_runs[index, step]) for name, of_runs in latents.items()},
                )


def seen(parts: Sequence[Arrays]) -> list[dict[str, np.ndarray]]:
    """What `see` kept of each batch."""
    return [_part(part, SEEN) for part in parts]


def _part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
