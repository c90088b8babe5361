"""Scales of the inputs and outputs of layers that compute in int8, calibrated on whole runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from components import Component, PipelineComponents
from components.reference import runner
from quantization.activations.histogram import MagnitudeHistogram
from quantization.recipe import Recipe

RUNS = 4
"""Runs that scales come from, each of another person and style, at every timestep of a run."""


@dataclass(frozen=True, kw_only=True)
class LayerScales:
    """Scales of a layer's int8 input and output: real value = scale · integer, no offset."""

    input: float
    output: float


Int8Layers = Mapping[str, LayerScales]
"""The layers of a component that compute in int8, by name."""

_Histograms = tuple[MagnitudeHistogram, MagnitudeHistogram]
"""The histograms of a layer's input and of its output."""


def calibrate(
    pipeline: PipelineComponents, loaded: Mapping[str, Component], recipe: Recipe, runs: int = RUNS
) -> dict[str, Int8Layers]:
    """Scales of every layer that a recipe lets compute in int8, by component.

    Args:
        pipeline: Joins the components to runs.
        loaded: All its components, with the weights that they are to be calibrated with.
        recipe: Names the layers.
        runs: How many whole runs to look at; their seeds are 0 and up.

    Raises:
        MisfitError: The recipe names a layer that is not there.
    """
    histograms: dict[str, dict[str, _Histograms]] = {}
    for name, component in loaded.items():
        recipe.schemes(component)  # raises
        histograms[name] = {
            layer: (MagnitudeHistogram(), MagnitudeHistogram())
            for layer in recipe.int8_layers(component)
        }
    if any(histograms.values()):
        with _counting(loaded, histograms):
            runners = {name: runner(component) for name, component in loaded.items()}
            for seed in range(runs):
                pipeline.run(runners, pipeline.example_run(seed))
    return {
        name: {
            layer: LayerScales(input=inputs.scale(), output=outputs.scale())
            for layer, (inputs, outputs) in layers.items()
        }
        for name, layers in histograms.items()
    }


@contextmanager
def _counting(
    loaded: Mapping[str, Component], histograms: Mapping[str, Mapping[str, _Histograms]]
) -> Iterator[None]:
    """Count, while open, the inputs and outputs of the layers in their histograms."""
    handles = [
        loaded[name].module.get_submodule(layer).register_forward_hook(_counter(*pair))
        for name, layers in histograms.items()
        for layer, pair in layers.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _counter(
    inputs_seen: MagnitudeHistogram, outputs_seen: MagnitudeHistogram
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        inputs_seen.add(inputs[0].numpy())
        outputs_seen.add(output.numpy())

    return count
