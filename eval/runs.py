"""Whole runs of an artifact, batch by batch: drift, final picture, and what the judge sees.

A batch's figures are arrays, so that another process can make them, and a long evaluation can keep
them and go on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from avatar.judge import Judge
from components import Arrays
from eval import jury
from eval.cases import Ask, Cases
from eval.drawing import Model
from eval.levels import image, trajectory
from eval.tally import Tally
from eval.truth import Truth

BATCH = {"quick": 2, "default": 24, "full": 24}
"""Runs that are one piece of work: small where there are few, so that nobody waits for the last."""


@dataclass(frozen=True, kw_only=True)
class Tallies:
    """Where the figures of one truth go."""

    trajectory: Tally
    image: Tally


def batches(cases: Cases) -> Iterator[tuple[Ask, ...]]:
    """The runs in batches of one table each: those for the judge first, in their order."""
    size = BATCH[cases.mode]
    yield from _cut(cases.judged, size)
    judged = set(cases.judged)
    rest = sorted((ask for ask in cases.runs if ask not in judged), key=lambda ask: ask.steps)
    for _, group in groupby(rest, key=lambda ask: ask.steps):
        yield from _cut(tuple(group), size)


def _cut(asks: tuple[Ask, ...], size: int) -> Iterator[tuple[Ask, ...]]:
    yield from (asks[start : start + size] for start in range(0, len(asks), size))


def measure(
    asks: tuple[Ask, ...],
    truths: Sequence[Truth],
    model: Model,
    judge: Judge | None,
    *,
    byte_images: bool,
) -> dict[str, np.ndarray]:
    """Draw a batch's runs and compare them with every truth.

    Args:
        asks: The runs.
        truths: What they are compared with.
        model: The artifact.
        judge: Looks at the pictures; None where nobody asks what it sees.
        byte_images: Whether pictures come in steps of 1/255.

    Returns:
        `image.TRUTH.METRIC` (runs,), `latents.TRUTH.METRIC` (runs, steps), and what the judge sees.
    """
    found: dict[str, list[np.ndarray]] = {}
    avatars = []
    for ask in asks:
        drawn = model.draw(ask, truths[0].latent_shape)
        avatars.append(drawn.avatar)
        for truth in truths:
            expected = truth.drawn(ask)
            for metric, steps in trajectory.compare(expected, drawn).items():
                found.setdefault(f"latents.{truth.against}.{metric}", []).append(steps)
            measured = image.compare(expected.avatar, drawn.avatar, byte_images=byte_images)
            for metric, value in measured.items():
                found.setdefault(f"image.{truth.against}.{metric}", []).append(np.array(value))
    arrays = {name: np.stack(values) for name, values in found.items()}
    return arrays if judge is None else {**arrays, **jury.see(judge, avatars)}


def feed(
    tallies: Sequence[Tallies],
    truths: Sequence[Truth],
    asks: tuple[Ask, ...],
    made: Mapping[str, np.ndarray],
) -> None:
    """Fill the tallies, one for each truth, with a batch's figures."""
    for tally, truth in zip(tallies, truths, strict=True):
        timesteps = truths[0].table(asks[0].steps).timesteps
        pictures = _part(made, f"image.{truth.against}.")
        latents = _part(made, f"latents.{truth.against}.")
        for row, ask in enumerate(asks):
            where = ask.where()
            tally.image.add(where, {name: float(values[row]) for name, values in pictures.items()})
            for step, timestep in enumerate(timesteps):
                tally.trajectory.add(
                    replace(where, step=step, timestep=timestep),
                    {name: float(values[row, step]) for name, values in latents.items()},
                )


def seen(parts: Sequence[Arrays]) -> list[Arrays]:
    """What the judge saw, of those batches that it looked at, in their order."""
    return [
        {name: array for name, array in part.items() if name.startswith("judge.")}
        for part in parts
        if jury.FEATURES in part
    ]


def _part(made: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): a for n, a in made.items() if n.startswith(prefix)}
