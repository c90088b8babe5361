"""Level `image`: final pictures of whole runs, and what must and must not change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from components.metrics import psnr
from eval.cases import RunCase, SelfieSet
from eval.levels.figures import CaseFigures
from eval.metrics import measure
from eval.reference import Reference, RunnableModel
from eval.schema import Row
from support.images import on_8_bit_grid

GAPS = (1, 4, 5, 8)
"""Slots of four selfies whose mask has gaps."""


def compare(
    expected: np.ndarray, got: np.ndarray, *, byte_images: bool, slow: bool = False
) -> dict[str, float]:
    """Every metric of two pictures (1,3,H,W) in [0,1].

    Args:
        expected: The reference's picture.
        got: The artifact's picture.
        byte_images: Whether the artifact's pictures come in steps of 1/255.
        slow: Whether to compute the slow metrics too.
    """
    right = on_8_bit_grid(expected) if byte_images else expected
    return measure(right, got, peak=1.0, picture=True, slow=slow)


def invariance_runs(runs: Sequence[RunCase], count: int) -> tuple[RunCase, ...]:
    """The first `count` runs with three to nine selfies, to test what must not change a picture."""
    return tuple(run for run in runs if 3 <= len(run.selfies.slots) < 10)[:count]


def invariances(
    figures: CaseFigures, runs: Sequence[RunCase], model: RunnableModel, reference: Reference
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
    shape = reference.latent_shape
    for run in runs:
        usual = model.draw(run, shape).avatar
        other = replace(run, seed=run.seed + 1)
        reordered, moved = (
            model.draw(replace(run, selfies=selfies), shape).avatar
            for selfies in (_reversed(run.selfies), _moved(run.selfies))
        )
        change = _distance(usual, model.draw(other, shape).avatar)
        expected = _distance(reference.recorded(run).avatar, reference.recorded(other).avatar)
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
