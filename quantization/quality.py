"""What a recipe does to final images, measured: runs against the same seeds' runs in fp16."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components import atomic
from components.metrics import psnr
from quantization.packed import quantize
from quantization.recipe import Recipe
from quantization.schemes import FLOAT16
from quantization.trajectories import Trajectories

Progress = Callable[[int, int], None]
_CEILING = 100.0
"""Decibels that an equal picture counts as, so that means stay finite."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """PSNR of final images in dB, peak 1: mean and worst over the runs."""

    mean: float
    worst: float
    runs: int


class Meter:
    """Measures recipes on fixed runs.

    Every run's result is kept in `cache`, by the recipe's digest, so a killed measurement goes on
    where it was and no recipe is measured twice.
    """

    def __init__(self, trajectories: Trajectories, seeds: range, cache: Path) -> None:
        self.trajectories, self.seeds, self.cache = trajectories, seeds, cache
        self._references: dict[int, np.ndarray] = {}

    def measure(
        self, recipe: Recipe, progress: Progress = lambda done, count: None, only: str = ""
    ) -> Quality:
        """PSNR over the runs; with `only` just that component's weights are quantized."""
        file = self.cache / f"quality-{recipe.digest[:16]}{only and f'-{only}'}.json"
        known: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
        weights: Mapping[str, np.ndarray] | None = None
        for done, seed in enumerate(self.seeds):
            progress(done, len(self.seeds))
            if str(seed) in known:
                continue
            if weights is None:
                weights = self._weights(recipe, only)
            image = self.trajectories.image(seed, weights)
            known[str(seed)] = min(psnr(self._reference(seed), image, peak=1.0), _CEILING)
            atomic.write(file, json.dumps(known, indent=0, sort_keys=True).encode())
        progress(len(self.seeds), len(self.seeds))
        found = [known[str(seed)] for seed in self.seeds]
        return Quality(mean=float(np.mean(found)), worst=min(found), runs=len(found))

    def _weights(self, recipe: Recipe, only: str) -> dict[str, np.ndarray]:
        made = {}
        for name in self.trajectories.pipeline.names:
            if only in ("", name):
                schemes = recipe.schemes(self.trajectories.component(name))
                for key, scheme in schemes.items():
                    if scheme != FLOAT16:
                        weight = self.trajectories.weights[f"{name}.{key}"].numpy()
                        made[f"{name}.{key}"] = quantize(weight, scheme).dense()
        return made

    def _reference(self, seed: int) -> np.ndarray:
        if seed not in self._references:
            self._references[seed] = self.trajectories.image(seed)
        return self._references[seed]
