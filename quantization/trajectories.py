"""Whole runs in PyTorch: what quantized weights do to final images, exactly and to first order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from components import Component, PipelineComponents
from quantization.activations import LayersOf, calibrate, computing_in_int8
from quantization.errors import QuantizationError
from quantization.recipe import Recipe, quantizable

Error = Callable[[Tensor, Tensor], Tensor]
"""From a layer's input and output to what is added to the output."""
Errors = Mapping[str, Error]
"""By `COMPONENT.LAYER`."""


class Trajectories:
    """Runs of a pipeline whose weights can be exchanged, all components in memory.

    Attributes:
        weights: The quantizable weights by `COMPONENT.PARAMETER`, rounded to fp16.
    """

    def __init__(self, pipeline: PipelineComponents) -> None:
        self.pipeline = pipeline
        self._components = {name: pipeline.component(name) for name in pipeline.names}
        self._parameters: dict[str, nn.Parameter] = {}
        names = []
        for name, component in self._components.items():
            component.module.half().float()  # "as good as fp16" is measured against fp16
            for key, parameter in component.module.named_parameters():
                self._parameters[f"{name}.{key}"] = parameter
            names += [f"{name}.{key}" for key in quantizable(component.module)]
        self._originals = {key: p.detach().clone() for key, p in self._parameters.items()}
        self.weights = {name: self._originals[name] for name in names}

    def component(self, name: str) -> Component:
        """A component, its weights as the last run left them."""
        return self._components[name]

    def image(
        self,
        seed: int,
        exchanged: Mapping[str, np.ndarray] | None = None,
        layers: Mapping[str, LayersOf] | None = None,
    ) -> np.ndarray:
        """The final image (1,3,H,W) of a run.

        Args:
            seed: The run.
            exchanged: Parameters of other values, by `COMPONENT.PARAMETER`.
            layers: Layers that compute in int8, by component.
        """
        with torch.no_grad(), ExitStack() as stack:
            self._set(exchanged or {})
            for name, scales in (layers or {}).items():
                stack.enter_context(computing_in_int8(self._components[name].module, scales))
            return self._run(seed).numpy()

    def scales(self, recipe: Recipe, exchanged: Mapping[str, np.ndarray]) -> dict[str, LayersOf]:
        """Scales of the layers that a recipe lets compute in int8, with some weights exchanged."""
        self._set(exchanged)
        return calibrate(self.pipeline, self._components, recipe)

    def gradients(self, seed: int, count: int) -> list[dict[str, Tensor]]:
        """Gradients of `count` random projections of a run's image, by weight."""
        self._set({})
        parameters = [self._parameters[name] for name in self.weights]
        for parameter in parameters:
            parameter.requires_grad_(True)
        try:
            image = self._run(seed)
            return [
                dict(zip(self.weights, found, strict=True))
                for found in _gradients(image, parameters, seed, count)
            ]
        finally:
            for parameter in parameters:
                parameter.requires_grad_(False)

    def changes(self, seed: int, count: int, errors: Errors) -> np.ndarray:
        """How `count` random projections of a run's image change, to first order, when layers give
        something else than they do: (count, layers).

        Of several calls of a layer in a run the effects are added up.
        """
        self._set({})
        outputs: list[Tensor] = []
        added: list[tuple[int, Tensor]] = []
        places = {name: place for place, name in enumerate(errors)}

        def collect(name: str, came: Tensor, went: Tensor) -> None:
            with torch.no_grad():
                added.append((places[name], errors[name](came, went)))
            outputs.append(went if went.requires_grad else went.requires_grad_())

        with self._watched(errors, collect):
            image = self._run(seed)
        found = np.zeros((count, len(errors)))
        for row, gradients in enumerate(_gradients(image, outputs, seed, count)):
            for (place, error), gradient in zip(added, gradients, strict=True):
                found[row, place] += float((error * gradient).sum(dtype=torch.float64))
        return found

    def multiplications(self, seed: int) -> dict[str, int]:
        """Of each convolution and linear layer in a whole run, by `COMPONENT.LAYER`."""
        layers = [name.removesuffix(".weight") for name in self.weights]
        found = dict.fromkeys(layers, 0)

        def count(name: str, came: Tensor, went: Tensor) -> None:
            weight = self.weights[f"{name}.weight"]
            found[name] += went.numel() * weight.numel() // len(weight)

        with torch.no_grad(), self._watched(layers, count):
            self._run(seed)
        return found

    @contextmanager
    def _watched(
        self, layers: Iterable[str], see: Callable[[str, Tensor, Tensor], None]
    ) -> Iterator[None]:
        """While open, `see(layer, input, output)` is called whenever one of the layers is."""

        def hook(name: str) -> Any:
            return lambda _, inputs, output: see(name, inputs[0], output)

        with ExitStack() as stack:
            for name in layers:
                component, _, layer = name.partition(".")
                module = self._components[component].module.get_submodule(layer)
                stack.callback(module.register_forward_hook(hook(name)).remove)
            yield

    def _set(self, exchanged: Mapping[str, np.ndarray]) -> None:
        with torch.no_grad():
            for key, parameter in self._parameters.items():
                other = exchanged.get(key)
                parameter.copy_(self._originals[key] if other is None else torch.from_numpy(other))

    def _run(self, seed: int) -> Tensor:
        inputs: Any = {
            name: torch.from_numpy(array) for name, array in self.pipeline.example_run(seed).items()
        }
        runners: Any = {name: _runner(c) for name, c in self._components.items()}
        (image,) = self.pipeline.run(runners, inputs).values()
        if not isinstance(image, Tensor):
            raise QuantizationError(
                f"{type(self.pipeline).__name__} cannot be planned: its runs have no gradients"
            )
        return image


def _gradients(
    image: Tensor, of: Sequence[Tensor], seed: int, count: int
) -> Iterator[tuple[Tensor, ...]]:
    """Gradients of `count` random projections of an image.

    A projection is the image times normal numbers of variance 1/n, n its elements. To first order
    a change of anything changes it by its product with the gradient, whose square is, in the mean
    over projections, the image's mean squared error (Hutchinson's estimator).
    """
    generator = torch.Generator().manual_seed(seed)
    for turn in range(count):
        noise = torch.randn(image.shape, generator=generator) / image.numel() ** 0.5
        projection = (image * noise).sum()
        yield torch.autograd.grad(
            projection, of, retain_graph=turn + 1 < count, materialize_grads=True
        )


def _runner(component: Component) -> Any:
    """A component from named tensors or arrays to named tensors, gradients included."""

    def call(inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        result = component.module(*(torch.as_tensor(inputs[s.name]) for s in component.inputs))
        outputs = result if isinstance(result, tuple) else (result,)
        return {spec.name: value for spec, value in zip(component.outputs, outputs, strict=True)}

    return call
