"""The record of a metric, which has everything that tables, plots, gates and baselines need."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eval.schema import Level

Compute = Callable[[np.ndarray, np.ndarray, float], float]
"""(reference, test, peak) to a value; both arrays have the same shape, and the peak is above 0."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """By how much two evaluations of the same files may differ in a metric.

    What may differ was measured by evaluating the same artifacts with one thread and with two, and
    with the processor's instructions limited to AVX2. Repeated without a change, an evaluation gave
    the same bits. Otherwise the outputs of fp32 arithmetic agreed at 135 dB of PSNR or better, and
    those of Core ML's fp16, where every operation rounds, at 71 dB.

    Attributes:
        fine: In fp32 arithmetic. For metrics in dB, the PSNR or SNR of one evaluation's outputs
            against the other's; otherwise the difference of the values.
        coarse: The same in fp16 or int8 arithmetic.
        share: Share of the value, in any arithmetic.
        pictures: Number of pictures of a set that may change sides, in any arithmetic.
    """

    fine: float = 0.0
    coarse: float = 0.0
    share: float = 0.0
    pictures: int = 0


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric.

    Attributes:
        name: As reports and gates name it.
        label: As tables, plots and messages name it.
        unit: `dB`, `bytes` or `s`; empty for plain numbers.
        better: Which values are better.
        levels: The levels at which it is measured. Gates can name it at these.
        noise: By how much two evaluations of the same files may differ.
        compute: Computes it from one output of one case; None where a level finds it otherwise.
        pictures_only: Whether `compute` takes pictures (n,3,H,W) in [0,1] only.
        slow: Whether `compute` is called only for the pictures that are shown.
        along_timesteps: Whether reports have its values at each timestep of the sampler.
    """

    name: str
    label: str
    unit: str = ""
    better: Literal["higher", "lower"] = "higher"
    levels: tuple[Level, ...] = ()
    noise: Noise = Noise()
    compute: Compute | None = None
    pictures_only: bool = False
    slow: bool = False
    along_timesteps: bool = False

    @property
    def ceiling(self) -> bool:
        """Whether a gate's limit is a ceiling; otherwise it is a floor."""
        return self.better == "lower"

    @property
    def worst(self) -> float:
        """What a test that is not finite scores: -inf, or inf where lower is better."""
        return math.inf if self.ceiling else -math.inf

    def worst_of(self, *values: float) -> float:
        """The worst of some values."""
        return max(values) if self.ceiling else min(values)
