"""Plans: the scheme of every weight under a budget, verified on runs of its own and repaired.

    measure    how much each weight's schemes change final images (`sensitivity`)
    allocate   the budget's bytes to the weights that save the most error a byte (`allocation`)
    verify     the recipe on other runs (`quality`)
    repair     where it falls short of the prediction, scale each component's costs by what the
               component alone does to those runs, and allocate again

The best plan that was measured is the result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from quantization.errors import BudgetError
from quantization.planning.allocation import allocate
from quantization.planning.quality import Quality
from quantization.planning.sensitivity import measure
from quantization.planning.settings import PlanSettings, decibels_of, prepare
from quantization.quantized_pipeline import component_size
from quantization.recipe import Recipe
from quantization.schemes import FLOAT16, Palette
from support.progress import Progress, silent

TOLERANCE = 1.0
"""Decibels by which a plan may fall short of its prediction before it is repaired."""
REPAIRS = 2
LEAST_UNIFORM = 2048
"""Elements below which a uniform recipe leaves a weight in fp16, as coremltools does."""
_PRECISION = 1000
"""Bytes to which the budget for a predicted quality is found."""

Costs = Mapping[str, np.ndarray]
"""For each weight the cost of each of its schemes."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe and what is known of it.

    Attributes:
        recipe: The recipe.
        size: Bytes of all components that it promises.
        predicted: Mean PSNR in dB that the measured sensitivities predict.
        quality: What its own runs measured.
    """

    recipe: Recipe
    size: int
    predicted: float
    quality: Quality


class Planner:
    """Makes plans for one checkpoint and target.

    Attributes:
        effort: How much is measured.
        parameters: The number of elements of all components.
        fixed: The bytes of all that is never quantized.
    """

    def __init__(
        self, checkpoint: Path, settings: PlanSettings, progress: Progress = silent
    ) -> None:
        self.settings, self.progress = settings, progress
        prepared = prepare(checkpoint, settings)
        self.pipeline, self.runs, self.meter = prepared.pipeline, prepared.runs, prepared.meter
        self.effort, self.parameters = prepared.effort, self.runs.parameters
        self.sensitivities = measure(
            self.runs, settings.target, prepared.seeds, prepared.cache, progress
        )
        self.costs = self.sensitivities.costs()
        self.shapes = {name: tuple(w.shape) for name, w in self.runs.weights.items()}
        components = [self.runs.component(name) for name in self.runs.pipeline.names]
        unquantized = Recipe(pipeline=self.pipeline)
        whole = sum(component_size(component, unquantized) for component in components)
        self.fixed = whole - sum(FLOAT16.size(shape) for shape in self.shapes.values())

    def uniform(self, bits: int) -> Plan:
        """Every weight that is not small in one palette of so many bits, measured."""
        scheme = Palette(bits=bits)
        weights = {
            name: (scheme if math.prod(shape) >= LEAST_UNIFORM else FLOAT16, shape)
            for name, shape in self.shapes.items()
        }
        recipe = Recipe(pipeline=self.pipeline, weights=weights)
        return self.measured(recipe, f"uniform {bits} bits")

    def for_size(self, budget: int) -> Plan:
        """The best plan of at most `budget` bytes; raises `BudgetError` where there is none."""
        costs: Costs = self.costs
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
        best, wanted = None, decibels
        for _ in range(2 * REPAIRS):
            plan = self.for_size(self._budget(wanted))
            if plan.quality.mean >= decibels:
                if best is None or plan.size < best.size:
                    best = plan
                if plan.quality.mean < decibels + TOLERANCE / 2:
                    break
            # Aim higher by what was missing, or lower by what was too much.
            wanted += decibels + TOLERANCE / 4 - plan.quality.mean
        return best or self._largest(decibels)

    def prediction(self, budget: int) -> float:
        """Mean PSNR in dB that an allocation of so many bytes is predicted to have."""
        return _predicted(self.costs, self._choose(self.costs, budget))

    def limits(self) -> tuple[int, int]:
        """Bytes of the smallest and of the largest plan."""
        sizes = self.sensitivities.sizes.values()
        least, most = sum(int(s.min()) for s in sizes), sum(int(s.max()) for s in sizes)
        return self.fixed + least, self.fixed + most

    def measured(self, recipe: Recipe, what: str) -> Plan:
        """A recipe's size, prediction and measured quality.

        Args:
            recipe: The recipe; its prediction is NaN where it has a scheme that is not planned.
            what: What progress is told while it is measured.
        """
        quality = self.meter.measure(recipe, self.progress, what=what)
        size, cost = self.fixed, 0.0
        for name, (scheme, shape) in recipe.weights.items():
            size += scheme.size(shape)
            known = self.sensitivities.schemes[name]
            cost += float(self.costs[name][known.index(scheme)]) if scheme in known else math.nan
        return Plan(recipe=recipe, size=size, predicted=decibels_of(cost), quality=quality)

    def _largest(self, decibels: float) -> Plan:
        """The largest plan; raises `BudgetError` where it does not reach so many decibels."""
        plan = self.for_size(self.limits()[1])
        if plan.quality.mean < decibels:
            raise BudgetError(
                f"{decibels:g} dB cannot be reached: the best plan for {self.settings.target} "
                f"has {plan.quality.mean:.1f} dB"
            )
        return plan

    def _budget(self, decibels: float) -> int:
        """The smallest budget whose prediction reaches `decibels`, by halving."""
        least, most = self.limits()
        while most - least > _PRECISION:
            middle = (least + most) // 2
            least, most = (least, middle) if self.prediction(middle) >= decibels else (middle, most)
        return most

    def _choose(self, costs: Costs, budget: int) -> dict[str, int]:
        """For each weight the index of the scheme that it gets."""
        least, _ = self.limits()
        if budget < least:
            raise BudgetError(
                f"{budget / 1e6:.2f} MB is impossible: for {self.settings.target} the components "
                f"take at least {least / 1e6:.2f} MB"
            )
        sizes = [self.sensitivities.sizes[name] for name in costs]
        choices = allocate([*costs.values()], sizes, budget - self.fixed)
        return dict(zip(costs, choices, strict=True))

    def _allocated(self, costs: Costs, budget: int) -> Plan:
        """The plan that these costs lead to, measured."""
        choices = self._choose(costs, budget)
        weights = {
            name: (self.sensitivities.schemes[name][choice], self.shapes[name])
            for name, choice in choices.items()
        }
        recipe = Recipe(pipeline=self.pipeline, weights=weights)
        plan = self.measured(recipe, "verifying the plan")
        return replace(plan, predicted=_predicted(costs, choices))

    def _repaired(self, costs: Costs, plan: Plan) -> dict[str, np.ndarray]:
        """Costs scaled, component by component, by what runs measure against the prediction."""
        scaled = dict(costs)
        for component in self.runs.pipeline.names:
            names = [name for name in costs if name.startswith(f"{component}.")]
            schemes = self.sensitivities.schemes
            choices = [schemes[name].index(plan.recipe.weights[name][0]) for name in names]
            predicted = sum(costs[n][c] for n, c in zip(names, choices, strict=True))
            quality = self.meter.measure(
                plan.recipe, self.progress, what=f"measuring {component} alone", only=component
            )
            factor = 10 ** (-quality.mean / 10) / max(float(predicted), 1e-30)
            scaled |= {name: costs[name] * factor for name in names}
        return scaled


def _predicted(costs: Costs, choices: Mapping[str, int]) -> float:
    """Mean PSNR in dB that costs predict for choices."""
    return decibels_of(sum(costs[name][choice] for name, choice in choices.items()))
