"""Plans: which weight gets which bits, for a size or a quality that is asked for.

    measure      what each scheme of each weight costs (`sensitivity`)
    allocate     the cheapest choices under the budget (`allocation`)
    verify       the plan's own runs; where they are worse than predicted, first order was not
                 enough somewhere: each component is measured by itself,
    repair       its weights' costs are scaled by what was found, and the budget is given out anew

The best plan that was measured is the result.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

import components
from components.checkpoint import read_index
from quantization.allocation import allocate
from quantization.errors import BudgetError
from quantization.pipeline import component_size
from quantization.quality import Meter, Quality
from quantization.recipe import Recipe
from quantization.schemes import FLOAT16, palette_scheme
from quantization.sensitivity import Sensitivity, measure
from quantization.trajectories import Trajectories

VERSION = 1
"""Part of every cache's name: raised when what is measured changes."""
TOLERANCE = 1.0
"""Decibels by which a plan may fall short of its prediction before it is repaired."""
REPAIRS = 2
LEAST_UNIFORM = 2048
"""Elements below which a uniform recipe leaves a weight in fp16, as coremltools does."""

Say = Callable[[str, int, int], None]
"""What is being done, how much of it is, and of how much."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe and what is known of it.

    Attributes:
        recipe: The recipe.
        size: Bytes of all components that it promises.
        predicted: Mean PSNR that the measured sensitivities say, in dB.
        quality: What its own runs measured.
    """

    recipe: Recipe
    size: int
    predicted: float
    quality: Quality


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a plan is made.

    Attributes:
        target: One of `quantization.targets.TARGETS`.
        runs: Differentiated runs that sensitivities come from.
        checks: Further runs that plans are verified on.
        seed: The first run's seed.
        cache: Folder of what was measured.
    """

    target: str = "coreml-ios16"
    runs: int = 32
    checks: int = 16
    seed: int = 0
    cache: Path = Path("runs/quantization")


class Planner:
    """Plans for one checkpoint and target. Attributes: `parameters` and `fixed`, the elements of
    all components and the bytes of what is never quantized."""

    def __init__(self, checkpoint: Path, settings: Settings, say: Say = lambda *_: None) -> None:
        self.settings, self.say = settings, say
        self.name, self.trajectories, self.meter, cache = prepare(checkpoint, settings)
        pipeline = self.trajectories.pipeline
        self.sensitivity = self._measure(cache)
        self.costs = self.sensitivity.costs()
        weights = sum(FLOAT16.size(tuple(w.shape)) for w in self.trajectories.weights.values())
        modules = [self.trajectories.component(name) for name in pipeline.names]
        empty = Recipe(pipeline=self.name)
        self.fixed = sum(component_size(module, empty) for module in modules) - weights
        self.parameters = sum(
            value.numel() for module in modules for value in module.module.state_dict().values()
        )

    def uniform(self, bits: int) -> Plan:
        """Every weight of some size in one palette of so many bits, measured."""
        shapes = {name: tuple(w.shape) for name, w in self.trajectories.weights.items()}
        scheme = palette_scheme(bits)
        weights = {
            name: (scheme if math.prod(shape) >= LEAST_UNIFORM else FLOAT16, shape)
            for name, shape in shapes.items()
        }
        return self.measured(Recipe(pipeline=self.name, weights=weights), f"uniform {bits} bits")

    def for_size(self, budget: int) -> Plan:
        """The best plan of at most `budget` bytes; raises `BudgetError` where there is none."""
        costs: Mapping[str, np.ndarray] = self.costs
        best = plan = self._allocated(costs, budget)
        for _ in range(REPAIRS):
            if plan.quality.mean >= plan.predicted - TOLERANCE:
                break
            costs = self._repaired(costs, plan)
            plan = self._allocated(costs, budget)
            if plan.quality.mean > best.quality.mean:
                best = plan
        return best

    def for_quality(self, decibels: float) -> Plan:
        """The smallest plan found whose runs have a mean PSNR of at least `decibels`.

        Raises:
            BudgetError: Not even the best schemes reach it.
        """
        least, most = self.limits()
        wanted, found = decibels, None
        for _ in range(2 * REPAIRS):
            plan = self.for_size(self._budget(wanted, least, most))
            if plan.quality.mean >= decibels:
                if found is None or plan.size < found.size:
                    found = plan
                if plan.quality.mean < decibels + TOLERANCE / 2:
                    break
            wanted += decibels + TOLERANCE / 4 - plan.quality.mean
        if found is None:
            found = self.for_size(most)
            if found.quality.mean < decibels:
                raise BudgetError(
                    f"{decibels:g} dB cannot be reached: the best plan for {self.settings.target} "
                    f"has {found.quality.mean:.1f} dB"
                )
        return found

    def prediction(self, budget: int) -> float:
        """Mean PSNR in dB that an allocation of so many bytes is predicted to have."""
        choices = self._choose(self.costs, budget)
        return decibels_of(sum(self.costs[name][choice] for name, choice in choices.items()))

    def _measure(self, cache: Path) -> Sensitivity:
        settings = self.settings
        seeds = range(settings.seed, settings.seed + settings.runs)

        progress = partial(self.say, "measuring how much each weight's bits hurt")
        return measure(self.trajectories, settings.target, seeds, cache, progress)

    def _choose(self, costs: Mapping[str, np.ndarray], budget: int) -> dict[str, int]:
        sizes = [self.sensitivity.sizes[name] for name in costs]
        least, _ = self.limits()
        if budget < least:
            raise BudgetError(
                f"{budget / 1e6:.2f} MB is impossible: for {self.settings.target} the components "
                f"take at least {least / 1e6:.2f} MB"
            )
        return dict(
            zip(costs, allocate([*costs.values()], sizes, budget - self.fixed), strict=True)
        )

    def limits(self) -> tuple[int, int]:
        """Bytes of the smallest and of the largest plan."""
        sizes = self.sensitivity.sizes.values()
        least, most = sum(int(s.min()) for s in sizes), sum(int(s.max()) for s in sizes)
        return self.fixed + least, self.fixed + most

    def _budget(self, decibels: float, least: int, most: int) -> int:
        """The smallest budget whose prediction reaches `decibels`, by halving."""
        while most - least > 1000:
            middle = (least + most) // 2
            least, most = (least, middle) if self.prediction(middle) >= decibels else (middle, most)
        return most

    def _allocated(self, costs: Mapping[str, np.ndarray], budget: int) -> Plan:
        choices = self._choose(costs, budget)
        weights = {
            name: (self.sensitivity.schemes[name][choice], tuple(self._weight(name).shape))
            for name, choice in choices.items()
        }
        plan = self.measured(Recipe(pipeline=self.name, weights=weights), "verifying the plan")
        return replace(plan, predicted=decibels_of(sum(costs[n][c] for n, c in choices.items())))

    def measured(self, recipe: Recipe, what: str) -> Plan:
        """A recipe's size, prediction and measured quality; `what` is said while it is measured."""
        quality = self.meter.measure(recipe, partial(self.say, what))
        schemes = {name: scheme for name, (scheme, _) in recipe.weights.items()}
        size = sum(s.size(tuple(self._weight(name).shape)) for name, s in schemes.items())
        cost = 0.0
        for name, scheme in schemes.items():
            known = self.sensitivity.schemes[name]
            cost += float(self.costs[name][known.index(scheme)]) if scheme in known else math.nan
        return Plan(
            recipe=recipe, size=self.fixed + size, predicted=decibels_of(cost), quality=quality
        )

    def _repaired(self, costs: Mapping[str, np.ndarray], plan: Plan) -> dict[str, np.ndarray]:
        """Costs scaled, component by component, by its own runs against its prediction."""
        scaled = dict(costs)
        for component in self.trajectories.pipeline.names:
            mine = [name for name in costs if name.startswith(f"{component}.")]
            chosen = [self.sensitivity.schemes[n].index(plan.recipe.weights[n][0]) for n in mine]
            predicted = sum(costs[n][c] for n, c in zip(mine, chosen, strict=True))
            progress = partial(self.say, f"measuring {component} alone")
            quality = self.meter.measure(plan.recipe, progress, only=component)
            share = 10 ** (-quality.mean / 10) / max(float(predicted), 1e-30)
            scaled |= {name: costs[name] * share for name in mine}
        return scaled

    def _weight(self, name: str) -> np.ndarray:
        return self.trajectories.weights[name].numpy()


def prepare(checkpoint: Path, settings: Settings) -> tuple[str, Trajectories, Meter, Path]:
    """The pipeline's class, its runs, their meter, and the folder of what was measured of it."""
    trajectories = Trajectories(components.load(checkpoint))
    key = [components.fingerprint(checkpoint), VERSION]
    cache = settings.cache / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    first = settings.seed + settings.runs
    meter = Meter(trajectories, range(first, first + settings.checks), cache)
    return read_index(checkpoint)["_class_name"], trajectories, meter, cache


def decibels_of(cost: float) -> float:
    """The mean squared error of images in [0,1] as PSNR in dB."""
    return -10 * math.log10(max(float(cost), 1e-30)) if not math.isnan(cost) else math.nan
