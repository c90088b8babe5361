"""Level `image` of avatars: what must and must not change a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avatar.selfies import MAX_SELFIES
from components.metrics import psnr
from eval.levels import CaseFigures
from eval.pipelines.avatar.cases import AvatarCase, SelfieSet
from eval.pipelines.avatar.plan import several_of
from eval.reference import Model, Reference
from eval.schema import Row


def invariance_runs(
    runs: Sequence[AvatarCase], count: int, places: int = MAX_SELFIES
) -> tuple[AvatarCase, ...]:
    """The first `count` runs to test what must and must not change a picture.

    Their selfies have an order, and leave at least one of the encoder's `places` free. Where no run
    is like that, each is taken with so few selfies that it is.
    """
    several = several_of(places)
    found = [run for run in runs if several <= len(run.selfies.slots) < places]
    fewer = [replace(run, selfies=_first(run.selfies, several)) for run in runs]
    return tuple(dict.fromkeys(found or fewer))[:count]


def invariances(
    figures: CaseFigures,
    runs: Sequence[AvatarCase],
    model: Model,
    reference: Reference,
    styles: Sequence[str] = (),
    places: int = MAX_SELFIES,
) -> list[Row]:
    """What holds for any right model.

    The order and the slots of the selfies change nothing, which is measured on the artifact against
    itself. Another seed, or style, changes the picture as much as it does in the reference.

    Args:
        figures: Where the figures go.
        runs: The runs to try it on.
        model: The artifact.
        reference: Gives how much a seed and a style should change.
        styles: The model's styles; with one alone there is no other to try.
        places: Slots that the identity encoder has for selfies.
    """
    for run in runs:
        usual = model.draw(run).picture
        reordered, moved = (
            model.draw(replace(run, selfies=selfies)).picture
            for selfies in (_reversed(run.selfies), _moved(run.selfies, places))
        )
        found = {
            "order_psnr": _alike(usual, reordered),
            "mask_psnr": _alike(usual, moved),
            "seed_effect": _effect(run, replace(run, seed=run.seed + 1), model, reference),
        }
        if len(styles) > 1:
            style = styles[styles.index(run.style) - 1]
            found["style_effect"] = _effect(run, replace(run, style=style), model, reference)
        figures.add(run.where(), found)
    return figures.rows()


def _effect(run: AvatarCase, other: AvatarCase, model: Model, reference: Reference) -> float:
    """How much another run's picture differs, in units of the difference in the reference."""
    change = _distance(model.draw(run).picture, model.draw(other).picture)
    expected = _distance(reference.recorded(run).picture, reference.recorded(other).picture)
    return change / expected if expected else 0.0


def _first(selfies: SelfieSet, count: int) -> SelfieSet:
    return replace(selfies, slots=selfies.slots[:count])


def _reversed(selfies: SelfieSet) -> SelfieSet:
    return replace(selfies, slots=selfies.slots[::-1])


def _moved(selfies: SelfieSet, places: int) -> SelfieSet:
    """The selfies with a free slot before each, or in the last slots where those are too few."""
    count = len(selfies.slots)
    apart = range(1, 2 * count, 2) if 2 * count <= places else range(places - count, places)
    return replace(selfies, slots=tuple(apart))


def _alike(usual: np.ndarray, other: np.ndarray) -> float:
    if not np.all(np.isfinite(usual)):
        return -float("inf")
    return psnr(usual, other, peak=1.0)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """The mean absolute difference; 0 where it is no number."""
    return float(np.nan_to_num(np.abs(one.astype(np.float64) - other).mean(), posinf=0.0))
