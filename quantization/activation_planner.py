"""Plans for W8A8: which convolutions compute in int8, and which are left in float.

    measure    what computing in int8 costs, for every convolution at once, to first order
    rank       by cost for each multiplication that int8 saves
    search     as many of that order in int8 as the final images allow, each try measured

Weights are int8 everywhere, but for the layers that are left in float: those keep fp16. Linear
layers never compute in int8, for ONNX Runtime has no such kernel (`export.onnx.activations`).
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quantization.activations import CONVOLUTIONS, LayersOf, rounded
from quantization.errors import BudgetError
from quantization.packed import quantize
from quantization.planner import Say, Settings, decibels_of, prepare
from quantization.quality import Quality
from quantization.recipe import Recipe
from quantization.schemes import FLOAT16, INT8
from quantization.sensitivity import PROJECTIONS, relative_costs
from quantization.trajectories import Error, Errors
from support import atomic

TARGET = "onnx"
"""The only target that computes in int8."""
LEAST_PSNR, LEAST_SSIM = 26.0, 0.95


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A convolution, what int8 costs there, and how much it saves.

    Attributes:
        name: `COMPONENT.LAYER`.
        multiplications: In a whole run.
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
        layers: All convolutions, the first to be int8 first.
        share: Of all multiplications of a run's convolutions and linear layers, those in int8.
        predicted: PSNR that the costs say, in dB.
        quality: What its own runs measured.
    """

    recipe: Recipe
    layers: tuple[Layer, ...]
    share: float
    predicted: float
    quality: Quality


class ActivationPlanner:
    """Plans for one checkpoint. Attribute: `layers`, the convolutions in their order."""

    def __init__(self, checkpoint: Path, settings: Settings, say: Say = lambda *_: None) -> None:
        self.say = say
        self.name, self.trajectories, self.meter, cache = prepare(checkpoint, settings)
        self.counts = self.trajectories.multiplications(settings.seed)
        names = [name for name in self.counts if isinstance(self._module(name), CONVOLUTIONS)]
        costs = self._costs(names, settings, cache)
        layers = [
            Layer(name=name, multiplications=self.counts[name], cost=cost)
            for name, cost in zip(names, costs, strict=True)
        ]
        self.layers = sorted(layers, key=lambda layer: layer.cost / layer.multiplications)

    def for_quality(
        self, decibels: float = LEAST_PSNR, similarity: float = LEAST_SSIM
    ) -> ActivationPlan:
        """As many layers in int8 as leave every run's PSNR at `decibels` and the mean SSIM at
        `similarity`: of every run, because an artifact is checked by one.

        Raises:
            BudgetError: Not even one layer can be int8.
        """
        found, least, most = None, 0, len(self.layers)
        count = most  # often all of them will do
        while least < most:
            plan = self.of(count)
            if plan.quality.worst >= decibels and plan.quality.ssim >= similarity:
                found, least = plan, count
            else:
                most = count - 1
            count = (least + most + 1) // 2
        if found is None:
            raise BudgetError(
                f"{decibels:g} dB and SSIM {similarity:g} cannot be reached with any layer in int8"
            )
        return found

    def of(self, count: int) -> ActivationPlan:
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
            quality=self.meter.measure(recipe, partial(self.say, what)),
        )

    def _recipe(self, chosen: set[str]) -> Recipe:
        weights = {}
        for name, weight in self.trajectories.weights.items():
            layer = name.removesuffix(".weight")
            convolution = isinstance(self._module(layer), CONVOLUTIONS)
            scheme = FLOAT16 if convolution and layer not in chosen else INT8
            weights[name] = (scheme, tuple(weight.shape))
        return Recipe(
            pipeline=self.name, weights=weights, activations=dict.fromkeys(sorted(chosen), INT8)
        )

    def _costs(self, names: list[str], settings: Settings, cache: Path) -> np.ndarray:
        """(layers,); each run's result is kept in `cache`."""
        digest = hashlib.sha256(json.dumps([names, PROJECTIONS]).encode()).hexdigest()[:12]
        seeds = range(settings.seed, settings.seed + settings.runs)
        files = {seed: cache / f"int8-{digest}-{seed}.npy" for seed in seeds}
        errors: Errors | None = None
        for done, (seed, file) in enumerate(files.items()):
            self.say("measuring how much int8 hurts each layer", done, len(files))
            if not file.exists():
                errors = errors or self._errors(names)
                changes = self.trajectories.changes(seed, PROJECTIONS, errors)
                np.save(stream := io.BytesIO(), changes)
                atomic.write(file, stream.getvalue())
        changes = np.concatenate([np.load(file) for file in files.values()])
        return relative_costs(changes, np.square(changes).sum(axis=1))

    def _errors(self, names: list[str]) -> Errors:
        """What int8 adds to each layer's output, all of them calibrated on the same runs."""
        scales = self.trajectories.scales(self._recipe(set(names)), {})
        return {name: self._error(name, scales) for name in names}

    def _error(self, name: str, scales: Mapping[str, LayersOf]) -> Error:
        component, _, layer = name.partition(".")
        mine = scales[component][layer]
        int8: Any = copy.deepcopy(self._module(name))
        weight = quantize(self.trajectories.weights[f"{name}.weight"].numpy(), INT8).dense()
        int8.weight.copy_(torch.from_numpy(weight))

        def error(came: Tensor, went: Tensor) -> Tensor:
            return rounded(int8(rounded(came, mine.input)), mine.output) - went

        return error

    def _module(self, layer: str) -> torch.nn.Module:
        component, _, name = layer.partition(".")
        return self.trajectories.component(component).module.get_submodule(name)
