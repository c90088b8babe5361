"""How long and how fast a network is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Settings of one training run.

    Attributes:
        steps: Optimiser steps in all.
        batch: Samples a step.
        learning_rate: Peak rate of AdamW.
        warmup: Steps in which the rate rises from 0 to its peak; then it decays as a half cosine.
        weight_decay: As AdamW takes it.
        ema_decay: Decay of the exponential moving average of weights; 0 keeps no average.
        save_every: Steps between two saved states.
        grid_every: Steps between two pictures of the progress.
        seed: Seed of order and noise.
    """

    steps: int
    batch: int
    learning_rate: float
    warmup: int = 100
    weight_decay: float = 0.01
    ema_decay: float = 0.995
    save_every: int = 200
    grid_every: int = 200
    seed: int = 0

    def rate(self, step: int) -> float:
        """Learning rate at a step, as a share of `learning_rate`."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, step / self.steps))))
