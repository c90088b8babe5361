"""Whole runs of an artifact, batch by batch: latents, final pictures, and what the judge sees.

The figures of a batch are arrays, so that another process can make them, and a long evaluation can
keep them and continue after it was stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from avatar.judge import Judge
from components import Arrays
from eval.cases import Cases, RunCase
from eval.levels import image, judging, trajectory
from eval.levels.figures import CaseFigures
from eval.reference import Reference, RunnableModel


@dataclass(frozen=True, kw_only=True)
class RunFigures:
    """Where the figures of whole runs against one reference go."""

    trajectory: CaseFigures
    image: CaseFigures


def batches(cases: Cases) -> Iterator[tuple[RunCase, ...]]:
    """The runs in batches of one sampler table each; those for the judge come first."""
    yield from _cut(cases.judged, cases.mode.batch)
    judged = set(cases.judged)
    rest = sorted((run for run in cases.runs if run not in judged), key=lambda run: run.steps)
    for _, group in groupby(rest, key=lambda run: run.steps):
        yield from _cut(tuple(group), cases.mode.batch)


def _cut(runs: tuple[RunCase, ...], size: int) -> Iterator[tuple[RunCase, ...]]:
    yield from (runs[start : start + size] for start in range(0, len(runs), size))


def measure_runs(
    runs: tuple[RunCase, ...],
    references: Sequence[Reference],
    model: RunnableModel,
    judge: Judge | None,
    *,
    byte_images: bool,
) -> dict[str, np.ndarray]:
    """Draw the runs of a batch and compare them with every reference.

    Args:
        runs: The runs, all in one sampler table.
        references: What they are compared with.
        model: The artifact.
        judge: Looks at the pictures; None where its readings are not needed.
        byte_images: Whether pictures come in steps of 1/255.

    Returns:
        `image.AGAINST.METRIC` (runs,), `latents.AGAINST.METRIC` (runs, steps), and the arrays of
        `judging.see`.
    """
    found: dict[str, list[np.ndarray]] = {}
    avatars = []
    for run in runs:
        drawn = model.draw(run, references[0].latent_shape)
        avatars.append(drawn.avatar)
        for reference in references:
            expected, against = reference.recorded(run), reference.against
            for metric, steps in trajectory.compare(expected, drawn).items():
                found.setdefault(f"latents.{against}.{metric}", []).append(steps)
            measured = image.compare(expected.avatar, drawn.avatar, byte_images=byte_images)
            for metric, value in measured.items():
                found.setdefault(f"image.{against}.{metric}", []).append(np.array(value))
    arrays = {name: np.stack(values) for name, values in found.items()}
    return arrays if judge is None else {**arrays, **judging.see(judge, avatars)}


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
        timesteps = references[0].table(runs[0].steps).timesteps
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


def seen(parts: Sequence[Arrays]) -> list[Arrays]:
    """What the judge saw, for those batches that it looked at, in their order."""
    return [
        {name: array for name, array in part.items() if name.startswith(judging.PREFIX)}
        for part in parts
        if judging.FEATURES in part
    ]


def _part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
