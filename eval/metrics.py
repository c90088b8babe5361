"""The meters, one entry each: name, unit, which way is better, and how it is computed.

All work in float64 over all elements of one output of one case. A test that is not finite gets the
worst score there is, so that it passes no gate by being incomparable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from components import metrics as meters
from eval import flip

Meter = Callable[[np.ndarray, np.ndarray, float], float]
"""(reference, test, peak) to a score; both arrays have one shape, the peak is above 0."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One meter.

    Attributes:
        name: As it stands in reports and gates.
        meter: How it is computed.
        unit: `dB`, or empty.
        at_least: Whether more is better.
        pictures: Whether it is for pictures (n,3,H,W) in [0,1] only.
        slow: Whether it is measured only where it is asked for.
    """

    name: str
    meter: Meter
    unit: str = ""
    at_least: bool = True
    pictures: bool = False
    slow: bool = False

    @property
    def worst(self) -> float:
        """What a test that is not finite scores."""
        return -math.inf if self.at_least else math.inf


def cosine(reference: np.ndarray, test: np.ndarray) -> float:
    """Cosine of the angle between two arrays as vectors, in [-1,1].

    1 for two equal arrays, two of zeros among them; 0 where only one is all zero; -inf where `test`
    is not finite. Blind to a common factor: it is to be read beside `psnr`.
    """
    meters.require_alike(reference, test)
    if not np.all(np.isfinite(test)):
        return -math.inf
    a, b = (array.astype(np.float64).reshape(-1) for array in (reference, test))
    if np.array_equal(a, b):
        return 1.0
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / lengths, -1.0, 1.0)) if lengths > 0 else 0.0


def max_error(reference: np.ndarray, test: np.ndarray, peak: float) -> float:
    """Largest `|reference - test|` of all elements, in units of the peak; inf where `test` is not
    finite."""
    meters.require_alike(reference, test)
    if not np.all(np.isfinite(test)):
        return math.inf
    return float(np.max(np.abs(reference.astype(np.float64) - test.astype(np.float64)))) / peak


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(name="psnr", unit="dB", meter=lambda a, b, peak: meters.psnr(a, b, peak=peak)),
        Metric(name="snr", unit="dB", meter=lambda a, b, _: meters.snr(a, b)),
        Metric(name="cosine", meter=lambda a, b, _: cosine(a, b)),
        Metric(name="max_error", at_least=False, meter=max_error),
        Metric(name="ssim", pictures=True, meter=lambda a, b, peak: meters.ssim(a, b, peak=peak)),
        Metric(
            name="flip",
            at_least=False,
            pictures=True,
            slow=True,
            meter=lambda a, b, _: flip.flip(a, b),
        ),
    )
}
"""By name. A metric that is added here, and named in `eval.figures`, is measured, reported and can
be gated."""


def measure(
    reference: np.ndarray, test: np.ndarray, *, peak: float, picture: bool, slow: bool = False
) -> dict[str, float]:
    """Every metric that fits, by name.

    Args:
        reference: What it should be; finite.
        test: What it is. Of another shape it scores the worst everywhere.
        peak: The reference's largest magnitude; 1 for pictures.
        picture: Whether the arrays are pictures (n,3,H,W) in [0,1].
        slow: Whether slow metrics are wanted too.
    """
    fitting = (metric for metric in METRICS.values() if picture or not metric.pictures)
    chosen = [metric for metric in fitting if slow or not metric.slow]
    if reference.shape != test.shape or not np.all(np.isfinite(test)):
        return {metric.name: metric.worst for metric in chosen}
    return {metric.name: metric.meter(reference, test, peak) for metric in chosen}
