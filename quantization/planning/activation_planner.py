"""Plans for W8A8: which convolutions compute in int8, and which are left in float.

    measure    what computing in int8 costs, for every convolution at once, to first order
    rank       by cost for each multiplication that int8 saves
    search     as many of that order in int8 as the final images allow; each trial is measured

All weights are int8, except those of convolutions that are left in float, which keep fp16. Linear
layers never compute in int8, because ONNX Runtime has no such kernel (`export.onnx.activations`).
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quantization.activations import CONVOLUTIONS, Int8Layers, rounded
from quantization.errors import BudgetError
from quantization.planning.quality import Quality
from quantization.planning.runs import LayerError, LayerErrors
from quantization.planning.sensitivity import cached, relative_costs
from quantization.planning.settings import PlanSettings, Prepared, decibels_of, prepare
from quantization.recipe import Recipe
from quantization.schemes import FLOAT16, INT8, quantize
from support.progress import Progress, silent

LEAST_PSNR, LEAST_SSIM = 26.0, 0.95
"""Decibels that every image must have by default, and what the mean SSIM must be."""


@dataclass(frozen=True, kw_only=True)
class PlannedLayer:
    """A convolution, what int8 costs there, and how much it saves.

    Attributes:
        name: `COMPONENT.LAYER`.
        multiplications: Those of a whole run.
        cost: Mean squared error of the image that int8 causes there.
        int8: Whether it computes in int8.
    """

    name: str
    multiplications: int
    cost: float
    int8: bool = False


@dataclass(frozen=True, kw_only=True)
class ActivationPlan:
    """A recipe and what is known of it.

    Attributes:
        recipe: The recipe.
        layers: All convolutions, in the order in which they become int8.
        share: The share of int8 in all multiplications of a run's convolutions and linear layers.
        predicted: PSNR in dB that the costs predict.
        quality: What its own runs measured.
    """

    recipe: Recipe
    layers: tuple[PlannedLayer, ...]
    share: float
    predicted: float
    quality: Quality


class ActivationPlanner:
    """Makes W8A8 plans for one checkpoint.

    Attributes:
        counts: Multiplications of each convolution and linear layer in a whole run.
        layers: The convolutions, in the order in which they become int8.
    """

    def __init__(
        self, checkpoint: Path, settings: PlanSettings, progress: Progress = silent
    ) -> None:
        self.progress = progress
        prepared = prepare(checkpoint, settings)
        self.pipeline, self.runs, self.meter = prepared.pipeline, prepared.runs, prepared.meter
        self.counts = self.runs.multiplications(settings.seed)
        names = [name for name in self.counts if self._is_convolution(name)]
        costs = self._costs(names, prepared)
        layers = [
            PlannedLayer(name=name, multiplications=self.counts[name], cost=cost)
            for name, cost in zip(names, costs, strict=True)
        ]
        self.layers = sorted(layers, key=lambda layer: layer.cost / layer.multiplications)

    def for_quality(
        self, decibels: float = LEAST_PSNR, similarity: float = LEAST_SSIM
    ) -> ActivationPlan:
        """The plan with as many layers in int8 as the final images allow.

        Args:
            decibels: PSNR that every run must have, because an artifact is checked by one run.
            similarity: What the mean SSIM of the runs must be.

        Raises:
            BudgetError: Not even one layer can be int8.
        """
        best, least, most = None, 0, len(self.layers)
        count = most  # first, because often all of them can
        while least < most:
            plan = self.with_layers(count)
            if plan.quality.worst >= decibels and plan.quality.ssim >= similarity:
                best, least = plan, count
            else:
                most = count - 1
            count = (least + most + 1) // 2
        if best is None:
            raise BudgetError(
                f"{decibels:g} dB and SSIM {similarity:g} cannot be reached with any layer in int8"
            )
        return best

    def with_layers(self, count: int) -> ActivationPlan:
        """The plan whose first `count` layers compute in int8, measured."""
        chosen = {layer.name for layer in self.layers[:count]}
        recipe = self._recipe(chosen)
        what = f"measuring {count} of {len(self.layers)} layers in int8"
        saved = sum(layer.multiplications for layer in self.layers[:count])
        return ActivationPlan(
            recipe=recipe,
            layers=tuple(replace(layer, int8=layer.name in chosen) for layer in self.layers),
            share=saved / sum(self.counts.values()),
            predicted=decibels_of(sum(layer.cost for layer in self.layers[:count])),
            quality=self.meter.measure(recipe, self.progress, what=what),
        )

    def _recipe(self, chosen: set[str]) -> Recipe:
        """The recipe with the chosen layers in int8."""
        weights = {}
        for name, weight in self.runs.weights.items():
            layer = name.removesuffix(".weight")
            left_in_float = self._is_convolution(layer) and layer not in chosen
            weights[name] = (FLOAT16 if left_in_float else INT8, tuple(weight.shape))
        return Recipe(
            pipeline=self.pipeline, weights=weights, activations=dict.fromkeys(sorted(chosen), INT8)
        )

    def _costs(self, names: list[str], prepared: Prepared) -> np.ndarray:
        """What int8 costs in each layer, (layers,); each run's result is kept in the cache."""
        count = prepared.effort.projections
        digest = hashlib.sha256(json.dumps([names, count]).encode()).hexdigest()[:12]
        errors: dict[str, LayerError] = {}

        def effects_of(seed: int) -> np.ndarray:
            if not errors:
                errors.update(self._errors(names))
            changes = self.runs.changes(seed, count, errors)
            return np.stack([np.square(changes[name]).sum(axis=1) for name in names], axis=1)

        what, prefix = "measuring how much int8 hurts each layer", prepared.cache / f"int8-{digest}"
        effects = cached(effects_of, prepared.seeds, prefix, what, self.progress)
        return relative_costs(effects, effects.sum(axis=1))

    def _errors(self, names: list[str]) -> LayerErrors:
        """What int8 adds to each layer's output, all of them calibrated on the same runs."""
        calibrated = self.runs.calibrated(self._recipe(set(names)), {})
        return {name: self._error(name, calibrated) for name in names}

    def _error(self, name: str, calibrated: Mapping[str, Int8Layers]) -> LayerError:
        component, _, layer = name.partition(".")
        scales = calibrated[component][layer]
        int8: Any = copy.deepcopy(self.runs.layer(name))
        weight = quantize(self.runs.weights[f"{name}.weight"].numpy(), INT8).dense()
        int8.weight.copy_(torch.from_numpy(weight))

        def error(input_: Tensor, output: Tensor) -> Tensor:
            return rounded(int8(rounded(input_, scales.input)), scales.output) - output

        return error

    def _is_convolution(self, layer: str) -> bool:
        return isinstance(self.runs.layer(layer), CONVOLUTIONS)
