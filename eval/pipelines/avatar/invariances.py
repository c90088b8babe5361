"""Level `image` of avatars: what must and must not change a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from components.metrics import psnr
from eval.levels import CaseFigures
from eval.pipelines.avatar.cases import AvatarCase, SelfieSet
from eval.reference import Model, Reference
from eval.schema import Row

GAPS = (1, 4, 5, 8)
"""Slots of four selfies whose mask has gaps."""


def invariance_runs(runs: Sequence[AvatarCase], count: int) -> tuple[AvatarCase, ...]:
    """The first `count` runs with three to nine selfies, to test what must not change a picture."""
    return tuple(run for run in runs if 3 <= len(run.selfies.slots) < 10)[:count]


def invariances(
    figures: CaseFigures, runs: Sequence[AvatarCase], model: Model, reference: Reference
) -> list[Row]:
    """What holds for any right model.

    The order and the slots of the selfies change nothing, which is measured on the artifact against
    itself. Another seed changes the picture as much as it does in the reference.

    Args:
        figures: Where the figures go.
        runs: The runs to try it on.
        model: The artifact.
        reference: Gives how much a seed should change.
    """
    for run in runs:
        usual = model.draw(run).picture
        other = replace(run, seed=run.seed + 1)
        reordered, moved = (
            model.draw(replace(run, selfies=selfies)).picture
            for selfies in (_reversed(run.selfies), _moved(run.selfies))
        )
        change = _distance(usual, model.draw(other).picture)
        expected = _distance(reference.recorded(run).picture, reference.recorded(other).picture)
        figures.add(
            run.where(),
            {
                "order_psnr": _alike(usual, reordered),
                "mask_psnr": _alike(usual, moved),
                "seed_effect": change / expected if expected else 0.0,
            },
        )
    return figures.rows()


def _reversed(selfies: SelfieSet) -> SelfieSet:
    return replace(selfies, slots=selfies.slots[::-1])


def _moved(selfies: SelfieSet) -> SelfieSet:
    """The selfies in the last slots, or with gaps between them where there are four."""
    count = len(selfies.slots)
    slots = GAPS if count == len(GAPS) else tuple(range(10 - count, 10))
    return replace(selfies, slots=slots)


def _alike(usual: np.ndarray, other: np.ndarray) -> float:
    if not np.all(np.isfinite(usual)):
        return -float("inf")
    return psnr(usual, other, peak=1.0)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """The mean absolute difference; 0 where it is no number."""
    return float(np.nan_to_num(np.abs(one.astype(np.float64) - other).mean(), posinf=0.0))
