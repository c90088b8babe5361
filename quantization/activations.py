"""Int8 activations (W8A8): scales of each layer's input and output, calibrated on whole runs, and
what computing with them does, in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

from components import Component, PipelineComponents
from components.reference import runner
from quantization.recipe import Recipe

RUNS = 4
"""Runs that scales come from, each of another person and style, at every timestep of a run."""
BINS = 2048
SHARES = np.linspace(0.3, 1.0, 71)
"""Scales tried, as shares of the one that the largest magnitude sets."""
HIGHEST = 127
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
"""Layers whose output is int8 too: of a linear layer only the input is (`export.onnx.activations`).
"""


@dataclass(frozen=True, kw_only=True)
class LayerScales:
    """Scales of a layer's int8 input and output: real value = scale · integer, no offset."""

    input: float
    output: float


LayersOf = Mapping[str, LayerScales]
"""By the layer's name in its component."""


class Magnitudes:
    """A histogram of magnitudes over a range that doubles when something larger comes."""

    def __init__(self) -> None:
        self.counts, self.range, self.largest = np.zeros(BINS), 2.0**-10, 0.0

    def add(self, values: np.ndarray) -> None:
        """Count an array's magnitudes."""
        flat = values.reshape(-1)
        self.largest = max(self.largest, float(flat.max()), -float(flat.min()))
        while self.range < self.largest:
            self.counts = np.pad(self.counts.reshape(-1, 2).sum(axis=1), (0, BINS // 2))
            self.range *= 2
        _count(flat, BINS / self.range, self.counts)

    def scale(self) -> float:
        """The int8 scale of the least squared error: clipping the rarest may pay for the rest."""
        if self.largest == 0:
            return 1.0
        middles = (np.arange(BINS) + 0.5) * self.range / BINS
        scales = SHARES * self.largest / HIGHEST
        integers = np.minimum(np.rint(middles / scales[:, None]), HIGHEST)
        errors = np.square(middles - scales[:, None] * integers) @ self.counts
        return float(np.float32(scales[int(errors.argmin())]))


@njit(nogil=True, cache=True)
def _count(values: Any, bins: float, counts: Any) -> None:
    """Add to histogram `counts` of `bins` a unit; numpy's own takes five times as long."""
    for value in values:
        counts[min(int(abs(value) * bins), len(counts) - 1)] += 1


def calibrate(
    pipeline: PipelineComponents, loaded: Mapping[str, Component], recipe: Recipe, runs: int = RUNS
) -> dict[str, LayersOf]:
    """Scales of every layer that a recipe lets compute in int8, by component.

    Args:
        pipeline: Joins the components to runs.
        loaded: All its components, with the weights that they are to be calibrated with.
        recipe: Names the layers.
        runs: Whole runs, of the seeds from 0 up.

    Raises:
        MisfitError: The recipe names a layer that is not there.
    """
    seen: dict[str, dict[str, tuple[Magnitudes, Magnitudes]]] = {}
    for name, component in loaded.items():
        recipe.schemes(component)
        seen[name] = {layer: (Magnitudes(), Magnitudes()) for layer in recipe.layers(component)}
    if any(seen.values()):
        with _watched(loaded, seen):
            runners = {name: runner(component) for name, component in loaded.items()}
            for seed in range(runs):
                pipeline.run(runners, pipeline.example_run(seed))
    return {
        name: {
            layer: LayerScales(input=came.scale(), output=went.scale())
            for layer, (came, went) in layers.items()
        }
        for name, layers in seen.items()
    }


@contextmanager
def computing_in_int8(module: nn.Module, layers: LayersOf) -> Iterator[None]:
    """While open, the layers compute as the exported ones do, but for their biases' own rounding.

    Gradients pass straight through the rounding (arXiv 1308.3432), and are zero where it clips.
    """
    handles = []
    for name, scales in layers.items():
        layer = module.get_submodule(name)
        handles.append(layer.register_forward_pre_hook(_input_rounder(scales)))
        if isinstance(layer, CONVOLUTIONS):
            handles.append(layer.register_forward_hook(_output_rounder(scales)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def rounded(values: Tensor, scale: float) -> Tensor:
    """What is left of float32 values after `QuantizeLinear` to int8, and back."""
    return torch.fake_quantize_per_tensor_affine(values, scale, 0, -HIGHEST - 1, HIGHEST)


def _input_rounder(scales: LayerScales) -> Any:
    return lambda layer, inputs: (rounded(inputs[0], scales.input), *inputs[1:])


def _output_rounder(scales: LayerScales) -> Any:
    return lambda layer, inputs, output: rounded(output, scales.output)


@contextmanager
def _watched(
    loaded: Mapping[str, Component],
    seen: Mapping[str, Mapping[str, tuple[Magnitudes, Magnitudes]]],
) -> Iterator[None]:
    """While open, the layers' inputs and outputs are counted."""
    handles = [
        loaded[name].module.get_submodule(layer).register_forward_hook(_counter(*pair))
        for name, layers in seen.items()
        for layer, pair in layers.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _counter(came: Magnitudes, went: Magnitudes) -> Any:
    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        came.add(inputs[0].numpy())
        went.add(output.numpy())

    return count
