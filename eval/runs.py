"""Whole runs of an artifact, batch by batch: drift, final picture, and what the judge sees.

A batch's figures are arrays, so that a long evaluation can keep them and go on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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

BATCH = 24

Keep = Callable[[str, Callable[[], Mapping[str, np.ndarray]]], Mapping[str, np.ndarray]]
"""(name of a batch, how to make it) to its arrays."""


@dataclass(frozen=True, kw_only=True)
class Tallies:
    """Where the figures of one truth go."""

    trajectory: Tally
    image: Tally


def batches(cases: Cases) -> Iterator[tuple[Ask, ...]]:
    """The runs in batches of one table each; those for the judge apart."""
    judged = set(cases.judged)
    for _, group in groupby(
        sorted(cases.runs, key=lambda ask: (ask not in judged, ask.steps)),
        key=lambda ask: (ask in judged, ask.steps),
    ):
        asks = tuple(group)
        yield from (asks[start : start + BATCH] for start in range(0, len(asks), BATCH))


def run(
    tallies: Sequence[Tallies],
    truths: Sequence[Truth],
    cases: Cases,
    model: Model,
    judge: Judge | None,
    keep: Keep,
    *,
    byte_images: bool,
) -> dict[Ask, Arrays]:
    """Draw every run and compare it with every truth.

    Args:
        tallies: One for each truth, to be filled.
        truths: What it is compared with.
        cases: The runs.
        model: The artifact.
        judge: Looks at the runs for the judge; None for no such level.
        keep: Where batches are kept.
        byte_images: Whether pictures come in steps of 1/255.

    Returns:
        What the judge saw in each of the runs for it.
    """
    seen: dict[Ask, Arrays] = {}
    judged = set(cases.judged)
    for asks in batches(cases):
        looker = judge if asks[0] in judged else None
        name = f"batch-{asks[0].key}-{len(asks)}"
        made = keep(name, _maker(asks, truths, model, looker, byte_images=byte_images))
        _feed(tallies, truths, asks, made)
        if looker is not None:
            seen |= {ask: _only(made, place) for place, ask in enumerate(asks)}
    return seen


def _maker(
    asks: tuple[Ask, ...],
    truths: Sequence[Truth],
    model: Model,
    judge: Judge | None,
    *,
    byte_images: bool,
) -> Callable[[], Mapping[str, np.ndarray]]:
    def make() -> Mapping[str, np.ndarray]:
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
                    key = f"image.{truth.against}.{metric}"
                    found.setdefault(key, []).append(np.array(value))
        arrays = {name: np.stack(values) for name, values in found.items()}
        return arrays if judge is None else {**arrays, **jury.see(judge, avatars)}

    return make


def _feed(
    tallies: Sequence[Tallies],
    truths: Sequence[Truth],
    asks: tuple[Ask, ...],
    made: Mapping[str, np.ndarray],
) -> None:
    for tally, truth in zip(tallies, truths, strict=True):
        timesteps = truths[0].model.table(asks[0].steps).timesteps
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


def _part(made: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): a for n, a in made.items() if n.startswith(prefix)}


def _only(made: Mapping[str, np.ndarray], row: int) -> dict[str, np.ndarray]:
    return {name: a[row : row + 1] for name, a in made.items() if name.startswith("judge.")}
