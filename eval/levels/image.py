"""Final pictures of whole runs, and what must and must not change them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from components.metrics import psnr
from eval.cases import Ask, Shown
from eval.drawing import Model
from eval.metrics import measure
from eval.results import Row
from eval.tally import Tally
from eval.truth import Truth
from support.images import on_8_bit_grid

MOVED = (1, 4, 5, 8)
"""Places of selfies whose mask has gaps."""


def compare(
    expected: np.ndarray, got: np.ndarray, *, byte_images: bool, slow: bool = False
) -> dict[str, float]:
    """Every metric of two pictures (1,3,H,W) in [0,1]."""
    reference = on_8_bit_grid(expected) if byte_images else expected
    return measure(reference, got, peak=1.0, picture=True, slow=slow)


@dataclass(frozen=True, kw_only=True)
class Laws:
    """What holds for any right model: the order and the places of selfies change nothing, seeds
    change the picture as much as they do in the reference."""

    asks: tuple[Ask, ...]

    @classmethod
    def of(cls, asks: tuple[Ask, ...], count: int) -> Laws:
        """Tried on the first `count` runs with three to nine selfies."""
        several = [ask for ask in asks if 3 <= len(ask.shown.places) < 10]
        return cls(asks=tuple(several[:count]))

    def rows(self, tally: Tally, model: Model, truth: Truth) -> list[Row]:
        """Measured on an artifact against itself; seeds against `truth`."""
        for ask in self.asks:
            shape = truth.latent_shape
            usual = model.draw(ask, shape).avatar
            other = replace(ask, seed=ask.seed + 1)
            turned, moved = (
                model.draw(replace(ask, shown=shown), shape).avatar
                for shown in (_turned(ask.shown), _moved(ask.shown))
            )
            change = _distance(usual, model.draw(other, shape).avatar)
            expected = _distance(truth.drawn(ask).avatar, truth.drawn(other).avatar)
            tally.add(
                ask.where(),
                {
                    "order_psnr": _alike(usual, turned),
                    "mask_psnr": _alike(usual, moved),
                    "seed_effect": change / expected if expected else 0.0,
                },
            )
        return tally.rows()


def _turned(shown: Shown) -> Shown:
    return replace(shown, places=shown.places[::-1])


def _moved(shown: Shown) -> Shown:
    """At the end, with a gap where there is room for one."""
    count = len(shown.places)
    places = MOVED if count == len(MOVED) else tuple(range(10 - count, 10))
    return replace(shown, places=places)


def _alike(usual: np.ndarray, other: np.ndarray) -> float:
    if not np.all(np.isfinite(usual)):
        return -float("inf")
    return psnr(usual, other, peak=1.0)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference; 0 where it is no number."""
    return float(np.nan_to_num(np.abs(one.astype(np.float64) - other).mean(), posinf=0.0))
