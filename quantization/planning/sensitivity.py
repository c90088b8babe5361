"""How much each weight's scheme changes final images, for all weights and schemes at once.

One differentiated run tells, for every weight and every scheme, what the scheme's error does to one
random projection of the image, to first order: two inner products. The mean square of that, over
projections and over runs of different people and styles, is the mean squared error that the scheme
causes (`quantization.planning.runs`). Errors of different weights are taken to be independent, so
their mean squared errors add up.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from quantization.planning.runs import PipelineRuns
from quantization.schemes import Scheme, candidates, quantize
from quantization.targets import Target
from support import atomic
from support.progress import Progress, silent

PROJECTIONS = 2
"""Projections of each run: each costs a backward pass, which takes half as long as the run."""


@dataclass(frozen=True, kw_only=True)
class Sensitivities:
    """What was measured.

    Attributes:
        schemes: For each weight the schemes that it may have, smallest first.
        sizes: For each weight the bytes of each scheme.
        changes: For each weight how a projection of the image changes, (measurements, schemes).
    """

    schemes: Mapping[str, tuple[Scheme, ...]]
    sizes: Mapping[str, np.ndarray]
    changes: Mapping[str, np.ndarray]

    def costs(self) -> dict[str, np.ndarray]:
        """For each weight what each scheme costs, relative to uniform 4 bits (`relative_costs`)."""
        spread = sum(
            np.square(self.changes[name][:, _nearest_bits(schemes, 4)])
            for name, schemes in self.schemes.items()
        )
        return {name: relative_costs(change, spread) for name, change in self.changes.items()}


def relative_costs(changes: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Costs (choices,) such that `-10·log10` of a plan's sum predicts the images' mean PSNR.

    The mean of decibels is a mean of logarithms. The squared errors of a run are therefore taken
    relative to what a typical error does to it; otherwise the few runs that every error changes
    most would decide alone.

    Args:
        changes: (measurements, choices): how a projection of the image changes.
        spread: (measurements,): the squared change that is typical.
    """
    spread = np.maximum(spread, 1e-30)
    level = np.exp(np.mean(np.log(spread)))
    return level * np.mean(np.square(changes) / spread[:, None], axis=0)


def measure(
    runs: PipelineRuns, target: Target, seeds: range, cache: Path, progress: Progress = silent
) -> Sensitivities:
    """Measure the sensitivities of all weights to all schemes of a target.

    Args:
        runs: The pipeline.
        target: Decides the schemes.
        seeds: Seeds of the runs that are measured on.
        cache: Folder where each run's result is kept, so that a killed measurement resumes.
        progress: Told how many runs are done.
    """
    shapes = {name: tuple(weight.shape) for name, weight in runs.weights.items()}
    schemes = {name: candidates(target, shape) for name, shape in shapes.items()}
    names = {name: [str(scheme) for scheme in choices] for name, choices in schemes.items()}
    digest = hashlib.sha256(json.dumps([names, PROJECTIONS], sort_keys=True).encode()).hexdigest()
    errors: dict[str, torch.Tensor] = {}

    def changes(seed: int) -> np.ndarray:
        if not errors:
            errors.update(_errors(runs, schemes))
        return _changes(runs, errors, seed)

    what = "measuring how much each weight's bits hurt"
    table = cached(changes, seeds, cache / f"changes-{digest[:12]}", what, progress)
    ends = np.cumsum([len(choices) for choices in schemes.values()])[:-1]
    return Sensitivities(
        schemes=schemes,
        sizes={
            name: np.array([scheme.size(shapes[name]) for scheme in choices])
            for name, choices in schemes.items()
        },
        changes=dict(zip(schemes, np.split(table, ends, axis=1), strict=True)),
    )


def cached(
    measure_run: Callable[[int], np.ndarray],
    seeds: range,
    prefix: Path,
    what: str,
    progress: Progress,
) -> np.ndarray:
    """The rows of all seeds, one below the other; those of each are kept in `PREFIX-SEED.npy`."""
    rows = []
    for done, seed in enumerate(seeds):
        progress(what, done, len(seeds))
        file = prefix.with_name(f"{prefix.name}-{seed}.npy")
        if not file.exists():
            np.save(stream := io.BytesIO(), measure_run(seed))
            atomic.write(file, stream.getvalue())
        rows.append(np.load(file))
    progress(what, len(seeds), len(seeds))
    return np.concatenate(rows)


def _errors(
    runs: PipelineRuns, schemes: Mapping[str, tuple[Scheme, ...]]
) -> dict[str, torch.Tensor]:
    """For each weight what each scheme adds to it, (schemes, elements)."""
    return {
        name: torch.stack(
            [
                torch.from_numpy(quantize(weight.numpy(), scheme).dense()) - weight
                for scheme in schemes[name]
            ]
        ).flatten(1)
        for name, weight in runs.weights.items()
    }


def _changes(runs: PipelineRuns, errors: Mapping[str, torch.Tensor], seed: int) -> np.ndarray:
    """How each projection of a run changes, (PROJECTIONS, all schemes of all weights)."""
    rows = [
        torch.cat([errors[name] @ gradient.flatten() for name, gradient in gradients.items()])
        for gradients in runs.gradients(seed, PROJECTIONS)
    ]
    return torch.stack(rows).double().numpy()


def _nearest_bits(schemes: tuple[Scheme, ...], bits: int) -> int:
    """The index of the scheme whose bits an element come nearest to `bits`."""
    return min(range(len(schemes)), key=lambda i: abs(schemes[i].bits - bits))
