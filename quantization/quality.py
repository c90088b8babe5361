"""What a recipe does to final images, measured: runs against the same seeds' runs in fp16."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.metrics import psnr, ssim
from quantization.activations import LayersOf
from quantization.packed import quantize
from quantization.pipeline import QuantizedPipeline
from quantization.recipe import Recipe
from quantization.schemes import FLOAT16
from quantization.trajectories import Trajectories
from support import atomic

Progress = Callable[[int, int], None]
_CEILING = 100.0
"""Decibels that an equal picture counts as, so that means stay finite."""


Exchanged = tuple[Mapping[str, np.ndarray], Mapping[str, LayersOf]]
"""Parameters of other values by `COMPONENT.PARAMETER`, and int8 layers by component."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """PSNR of final images in dB, peak 1: mean and worst over the runs; and their mean SSIM."""

    mean: float
    worst: float
    ssim: float
    runs: int


class Meter:
    """Measures recipes on fixed runs.

    Every run's result is kept in `cache`, by what is measured, so a killed measurement goes on
    where it was and nothing is measured twice.
    """

    def __init__(self, trajectories: Trajectories, seeds: range, cache: Path) -> None:
        self.trajectories, self.seeds, self.cache = trajectories, seeds, cache
        self._references: dict[int, np.ndarray] = {}

    def measure(
        self, recipe: Recipe, progress: Progress = lambda done, count: None, only: str = ""
    ) -> Quality:
        """What a recipe does to the runs; with `only`, what it does to that component alone."""
        name = f"{recipe.digest[:16]}{only and f'-{only}'}"
        return self._measure(name, lambda: self._of_recipe(recipe, only), progress)

    def measure_packed(
        self, quantized: QuantizedPipeline, progress: Progress = lambda done, count: None
    ) -> Quality:
        """What tensors do to the runs that a recipe alone does not give: tuned ones.

        Their recipe's activations count, their buffers must be the checkpoint's.
        """
        digest = hashlib.sha256(quantized.recipe.dump())
        for name in quantized.pipeline.names:
            for key, tensor in sorted(quantized.packed(name).items()):
                digest.update(f"{name}.{key}".encode())
                for array in tensor.arrays.values():
                    digest.update(array.tobytes())
        return self._measure(
            f"packed-{digest.hexdigest()[:16]}", lambda: _of_packed(quantized), progress
        )

    def _measure(self, name: str, make: Callable[[], Exchanged], progress: Progress) -> Quality:
        file = self.cache / f"images-{name}.json"
        known: dict[str, tuple[float, float]] = (
            json.loads(file.read_text()) if file.exists() else {}
        )
        exchanged: Exchanged | None = None
        for done, seed in enumerate(self.seeds):
            progress(done, len(self.seeds))
            if str(seed) in known:
                continue
            exchanged = exchanged or make()
            image, reference = self.trajectories.image(seed, *exchanged), self._reference(seed)
            known[str(seed)] = (
                min(psnr(reference, image, peak=1.0), _CEILING),
                ssim(reference, image, peak=1.0),
            )
            atomic.write(file, json.dumps(known, indent=0, sort_keys=True).encode())
        progress(len(self.seeds), len(self.seeds))
        decibels, similarities = zip(*(known[str(seed)] for seed in self.seeds), strict=True)
        return Quality(
            mean=float(np.mean(decibels)),
            worst=min(decibels),
            ssim=float(np.mean(similarities)),
            runs=len(decibels),
        )

    def _of_recipe(self, recipe: Recipe, only: str) -> Exchanged:
        made = {}
        for name in self.trajectories.pipeline.names:
            if only in ("", name):
                schemes = recipe.schemes(self.trajectories.component(name))
                for key, scheme in schemes.items():
                    if scheme != FLOAT16:
                        weight = self.trajectories.weights[f"{name}.{key}"].numpy()
                        made[f"{name}.{key}"] = quantize(weight, scheme).dense()
        if not recipe.activations:
            return made, {}
        scales = self.trajectories.scales(recipe, made)
        return made, {name: layers for name, layers in scales.items() if only in ("", name)}

    def _reference(self, seed: int) -> np.ndarray:
        if seed not in self._references:
            self._references[seed] = self.trajectories.image(seed)
        return self._references[seed]


def _of_packed(quantized: QuantizedPipeline) -> Exchanged:
    names = quantized.pipeline.names
    made = {
        f"{name}.{key}": tensor.dense()
        for name in names
        for key, tensor in quantized.packed(name).items()
    }
    return made, {name: quantized.layers(name) for name in names}
