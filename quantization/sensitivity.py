"""How much each weight's scheme hurts final images, for all weights and schemes at once.

One differentiated run tells for every weight and every scheme what its error does to one random
projection of the image, to first order: two inner products. The mean square over runs of different
people and styles, and over projections, is the mean squared error it causes (`trajectories`).
Errors of different weights are taken to be independent, so theirs add up.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from quantization.packed import quantize
from quantization.schemes import Scheme
from quantization.targets import candidates
from quantization.trajectories import Trajectories
from support import atomic

PROJECTIONS = 2
"""A run's gradients of so many projections: each costs a backward pass, half of a run's time."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """What was measured.

    Attributes:
        schemes: By weight the schemes it may have, smallest first.
        sizes: By weight the bytes of each.
        changes: By weight (measurements, schemes): how a projection of the image changes.
    """

    schemes: dict[str, tuple[Scheme, ...]]
    sizes: dict[str, np.ndarray]
    changes: dict[str, np.ndarray]

    def costs(self) -> dict[str, np.ndarray]:
        """What each weight's schemes cost, beside what uniform 4 bits do (`relative_costs`)."""
        spread = sum(
            np.square(self.changes[name][:, _nearest_bits(schemes, 4)])
            for name, schemes in self.schemes.items()
        )
        return {name: relative_costs(change, spread) for name, change in self.changes.items()}


def relative_costs(changes: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Costs (choices,) such that `-10·log10` of a plan's sum predicts the images' mean PSNR.

    A mean of decibels is one of logarithms, so each run's squared errors are taken relative to what
    something typical does to it: else the runs that any error changes most would decide alone.

    Args:
        changes: (measurements, choices): how a projection of the image changes.
        spread: (measurements,): the squared change that is typical.
    """
    spread = np.maximum(spread, 1e-30)
    level = np.exp(np.mean(np.log(spread)))
    return level * np.mean(np.square(changes) / spread[:, None], axis=0)


def measure(
    trajectories: Trajectories,
    target: str,
    seeds: range,
    cache: Path,
    progress: Progress = lambda done, count: None,
) -> Sensitivity:
    """Measure on the runs of `seeds`. Each run's result is kept in `cache`, so a killed
    measurement goes on where it was."""
    schemes = {n: candidates(target, tuple(w.shape)) for n, w in trajectories.weights.items()}
    names = {name: [str(s) for s in found] for name, found in schemes.items()}
    digest = hashlib.sha256(json.dumps([names, PROJECTIONS], sort_keys=True).encode()).hexdigest()
    missing = {s: cache / f"changes-{digest[:12]}-{s}.npy" for s in seeds}
    errors = None
    for done, (seed, file) in enumerate(missing.items()):
        progress(done, len(seeds))
        if not file.exists():
            errors = errors or _errors(trajectories, schemes)
            np.save(stream := io.BytesIO(), _changes(trajectories, errors, seed))
            atomic.write(file, stream.getvalue())
    progress(len(seeds), len(seeds))
    table = np.concatenate([np.load(file) for file in missing.values()])
    ends = np.cumsum([len(found) for found in schemes.values()])[:-1]
    return Sensitivity(
        schemes=schemes,
        sizes={
            name: np.array(
                [scheme.size(tuple(trajectories.weights[name].shape)) for scheme in found]
            )
            for name, found in schemes.items()
        },
        changes=dict(zip(schemes, np.split(table, ends, axis=1), strict=True)),
    )


def _errors(
    trajectories: Trajectories, schemes: dict[str, tuple[Scheme, ...]]
) -> dict[str, torch.Tensor]:
    """By weight (schemes, elements): what each scheme adds to it."""
    return {
        name: torch.stack(
            [
                torch.from_numpy(quantize(weight.numpy(), scheme).dense()) - weight
                for scheme in schemes[name]
            ]
        ).flatten(1)
        for name, weight in trajectories.weights.items()
    }


def _changes(trajectories: Trajectories, errors: dict[str, torch.Tensor], seed: int) -> np.ndarray:
    """(PROJECTIONS, all schemes of all weights)."""
    rows = [
        torch.cat([errors[name] @ gradient.flatten() for name, gradient in found.items()])
        for found in trajectories.gradients(seed, PROJECTIONS)
    ]
    return torch.stack(rows).double().numpy()


def _nearest_bits(schemes: tuple[Scheme, ...], bits: int) -> int:
    return min(range(len(schemes)), key=lambda i: abs(schemes[i].bits - bits))
