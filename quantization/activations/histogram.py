"""The int8 scale of least squared error for values that come in many arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

BINS = 2048
HIGHEST = 127
"""The largest int8 integer that is used."""
SHARES = np.linspace(0.3, 1.0, 71)
"""Scales that are tried, as shares of the one that the largest magnitude sets."""


class MagnitudeHistogram:
    """A histogram of magnitudes over a range that doubles when something larger comes."""

    def __init__(self) -> None:
        self.counts, self.range, self.largest = np.zeros(BINS), 2.0**-10, 0.0

    def add(self, values: np.ndarray) -> None:
        """Count the magnitudes of an array."""
        flat = values.reshape(-1)
        self.largest = max(self.largest, float(flat.max()), -float(flat.min()))
        while self.range < self.largest:
            self.counts = np.pad(self.counts.reshape(-1, 2).sum(axis=1), (0, BINS // 2))
            self.range *= 2
        _count(flat, BINS / self.range, self.counts)

    def scale(self) -> float:
        """The int8 scale of least squared error.

        It may clip the rarest, largest values, where the finer steps are worth more.
        """
        if self.largest == 0:
            return 1.0
        middles = (np.arange(BINS) + 0.5) * self.range / BINS
        scales = SHARES * self.largest / HIGHEST
        integers = np.minimum(np.rint(middles / scales[:, None]), HIGHEST)
        errors = np.square(middles - scales[:, None] * integers) @ self.counts
        return float(np.float32(scales[int(errors.argmin())]))


@njit(nogil=True, cache=True)
def _count(values: Any, bins: float, counts: Any) -> None:
    """Add to a histogram of `bins` a unit; numpy's own takes five times as long."""
    for value in values:
        counts[min(int(abs(value) * bins), len(counts) - 1)] += 1
