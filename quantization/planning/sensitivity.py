"""How much each weight's scheme changes final images, for all weights and schemes at once.

One differentiated run tells, for every weight and every scheme, what the scheme's error does to one
random projection of the image, to first order: an inner product of error and gradient. The mean
square of that, over projections and over runs of different inputs, is the mean squared error that
the scheme causes (`quantization.planning.runs`).

Errors of different output channels are taken to be independent, so their squares add up, within a
weight as between weights. Errors within a channel are not: all of them meet the same inputs. This
is the Gauss-Newton matrix of the run, its blocks those of single channels. A weight has hundreds of
channels, so that few projections are enough, where the square of the whole weight's inner product
needs dozens; `docs/quantization.md` has the comparison.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from quantization.planning.runs import PipelineRuns
from quantization.planning.size import LARGE, Effort
from quantization.quantized_pipeline import THREADS
from quantization.schemes import Scheme, candidates, quantize
from quantization.targets import Target
from support import atomic
from support.progress import Progress, silent


@dataclass(frozen=True, kw_only=True)
class Sensitivities:
    """What was measured.

    Attributes:
        schemes: For each weight the schemes that it may have, smallest first.
        sizes: For each weight the bytes of each scheme.
        effects: For each weight the squared change of a projection of the image, (measurements,
            schemes).
    """

    schemes: Mapping[str, tuple[Scheme, ...]]
    sizes: Mapping[str, np.ndarray]
    effects: Mapping[str, np.ndarray]

    def costs(self) -> dict[str, np.ndarray]:
        """For each weight what each scheme costs, relative to uniform 4 bits (`relative_costs`)."""
        typical = [
            self.effects[name][:, _nearest_bits(schemes, 4)]
            for name, schemes in self.schemes.items()
        ]
        spread = np.sum(typical, axis=0)
        return {name: relative_costs(effects, spread) for name, effects in self.effects.items()}


def relative_costs(effects: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Costs (choices,) such that `-10·log10` of a plan's sum predicts the images' mean PSNR.

    The mean of decibels is a mean of logarithms. The squared errors of a run are therefore taken
    relative to what a typical error does to it; otherwise the few runs that every error changes
    most would decide alone.

    Args:
        effects: (measurements, choices): the squared change of a projection of the image.
        spread: (measurements,): the squared change that is typical.
    """
    spread = np.maximum(spread, 1e-30)
    level = np.exp(np.mean(np.log(spread)))
    return level * np.mean(effects / spread[:, None], axis=0)


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
    count = Effort.of(runs.parameters).projections
    digest = hashlib.sha256(json.dumps([names, count], sort_keys=True).encode()).hexdigest()
    errors = _Errors(runs, schemes)
    what = "measuring how much each weight's bits hurt"
    prefix = cache / f"effects-{digest[:12]}"
    table = cached(lambda seed: _effects(runs, errors, seed, count), seeds, prefix, what, progress)
    ends = np.cumsum([len(choices) for choices in schemes.values()])[:-1]
    return Sensitivities(
        schemes=schemes,
        sizes={
            name: np.array([scheme.size(shapes[name]) for scheme in choices])
            for name, choices in schemes.items()
        },
        effects=dict(zip(schemes, np.split(table, ends, axis=1), strict=True)),
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


class _Errors:
    """What each scheme adds to each weight.

    They are kept for the next run unless the pipeline is large: then they are computed again.
    """

    def __init__(self, runs: PipelineRuns, schemes: Mapping[str, tuple[Scheme, ...]]) -> None:
        self._weights, self._schemes = runs.weights, schemes
        self._keep = runs.parameters < LARGE
        self._kept: dict[str, list[Tensor]] = {}

    def of(self, name: str) -> Iterable[Tensor]:
        """For each scheme of a weight its error, of the weight's shape."""
        if not self._keep:
            return self._made(name)
        if name not in self._kept:
            self._kept[name] = [*self._made(name)]
        return self._kept[name]

    def _made(self, name: str) -> Iterator[Tensor]:
        weight = self._weights[name]
        for scheme in self._schemes[name]:
            yield torch.from_numpy(quantize(weight.numpy(), scheme).dense()).sub_(weight)


def _effects(runs: PipelineRuns, errors: _Errors, seed: int, count: int) -> np.ndarray:
    """The squared changes of projections of a run, (count, all schemes of all weights)."""

    def row(gradients: Mapping[str, Tensor]) -> list[float]:
        def effects(name: str) -> list[float]:
            return [_effect(error, gradients[name]) for error in errors.of(name)]

        with ThreadPoolExecutor(THREADS) as pool:  # quantizing releases the interpreter's lock
            return [effect for found in pool.map(effects, gradients) for effect in found]

    return np.array([*map(row, runs.gradients(seed, count))])


def _effect(error: Tensor, gradient: Tensor) -> float:
    """The sum over output channels of the squared inner products of an error and a gradient."""
    products = torch.linalg.vecdot(error.flatten(1), gradient.flatten(1))
    return float(products.square().sum(dtype=torch.float64))


def _nearest_bits(schemes: tuple[Scheme, ...], bits: int) -> int:
    """The index of the scheme whose bits an element come nearest to `bits`."""
    return min(range(len(schemes)), key=lambda i: abs(schemes[i].bits - bits))
