"""What a recipe does to final images: its runs compared with runs of the same seeds in fp16."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.metrics import psnr, ssim
from quantization.activations import Int8Layers
from quantization.planning.runs import PipelineRuns
from quantization.quantized_pipeline import QuantizedPipeline, quantize_all
from quantization.recipe import Recipe
from quantization.schemes import FLOAT16, PackedState
from support import atomic
from support.progress import Progress, silent

_CEILING = 100.0
"""Decibels that an equal image counts as, so that means stay finite."""

MEASURING = "measuring final images"

_Change = tuple[Mapping[str, np.ndarray], Mapping[str, Int8Layers]]
"""Values that replace parameters, by `COMPONENT.PARAMETER`, and int8 layers by component."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How close the final images of some runs come to those in fp16.

    Attributes:
        mean: Their mean PSNR in dB, with peak 1.
        worst: The smallest PSNR.
        ssim: Their mean SSIM.
        runs: How many runs.
    """

    mean: float
    worst: float
    ssim: float
    runs: int


class QualityMeter:
    """Measures recipes on fixed runs.

    The result of every run is kept in `cache`, under the name of what is measured. A measurement
    that was killed therefore resumes where it was, and nothing is measured twice.
    """

    def __init__(self, runs: PipelineRuns, seeds: range, cache: Path) -> None:
        self.runs, self.seeds, self.cache = runs, seeds, cache
        self._references: dict[int, np.ndarray] = {}

    def measure(
        self,
        recipe: Recipe,
        progress: Progress = silent,
        *,
        what: str = MEASURING,
        only: str = "",
    ) -> Quality:
        """What a recipe does to the runs.

        Args:
            recipe: The recipe.
            progress: Told how many runs are done.
            what: What `progress` is told is being done.
            only: A component; what the recipe does to the others is left out. Empty for none.
        """
        name = f"{recipe.digest[:16]}{only and f'-{only}'}"
        return self._measure(name, lambda: self._change(recipe, only), what, progress)

    def measure_packed(self, quantized: QuantizedPipeline, progress: Progress = silent) -> Quality:
        """What packed tensors do to the runs where the recipe alone does not say it: tuned ones.

        The activations of their recipe count. Their buffers must be those of the checkpoint.
        """
        digest = hashlib.sha256(quantized.recipe.dump())
        for name in quantized.pipeline.names:
            for key, tensor in sorted(quantized.packed(name).items()):
                digest.update(f"{name}.{key}".encode())
                for array in tensor.arrays.values():
                    digest.update(array.tobytes())
        name = f"packed-{digest.hexdigest()[:16]}"
        return self._measure(name, lambda: _change_of(quantized), MEASURING, progress)

    def _measure(
        self, name: str, make: Callable[[], _Change], what: str, progress: Progress
    ) -> Quality:
        file = self.cache / f"images-{name}.json"
        known: dict[str, tuple[float, float]] = (
            json.loads(file.read_bytes()) if file.exists() else {}
        )
        change: _Change | None = None
        for done, seed in enumerate(self.seeds):
            progress(what, done, len(self.seeds))
            if str(seed) not in known:
                change = change or make()
                known[str(seed)] = self._compare(seed, change)
                atomic.write(file, json.dumps(known, indent=0, sort_keys=True).encode())
        progress(what, len(self.seeds), len(self.seeds))
        decibels, similarities = zip(*(known[str(seed)] for seed in self.seeds), strict=True)
        return Quality(
            mean=float(np.mean(decibels)),
            worst=min(decibels),
            ssim=float(np.mean(similarities)),
            runs=len(decibels),
        )

    def _compare(self, seed: int, change: _Change) -> tuple[float, float]:
        """PSNR in dB and SSIM of a changed run."""
        image = self.runs.image(seed, *change)
        if seed not in self._references:
            self._references[seed] = self.runs.image(seed)
        reference = self._references[seed]
        decibels = min(psnr(reference, image, peak=1.0), _CEILING)
        return decibels, ssim(reference, image, peak=1.0)

    def _change(self, recipe: Recipe, only: str) -> _Change:
        """What a recipe changes, of one component or all."""
        names = [name for name in self.runs.pipeline.names if only in ("", name)]
        schemes = {
            f"{name}.{key}": scheme
            for name in names
            for key, scheme in recipe.schemes(self.runs.component(name)).items()
            if scheme != FLOAT16
        }
        replaced = _Dense(quantize_all(self.runs.weights, schemes))
        if not recipe.activations:
            return replaced, {}
        calibrated = self.runs.calibrated(recipe, replaced)
        return replaced, {n: layers for n, layers in calibrated.items() if only in ("", n)}


class _Dense(Mapping[str, np.ndarray]):
    """The numbers that packed tensors stand for; only the packed ones are kept in memory."""

    def __init__(self, packed: PackedState) -> None:
        self._packed = packed

    def __getitem__(self, name: str) -> np.ndarray:
        return self._packed[name].dense()

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def _change_of(quantized: QuantizedPipeline) -> _Change:
    """What packed tensors change."""
    names = quantized.pipeline.names
    packed = {
        f"{name}.{key}": tensor for name in names for key, tensor in quantized.packed(name).items()
    }
    return _Dense(packed), {name: quantized.int8_layers(name) for name in names}
