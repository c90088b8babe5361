"""Whole runs in PyTorch: what quantized weights do to final images, exactly and to first order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from components import Component, PipelineComponents
from quantization.errors import QuantizationError
from quantization.recipe import quantizable


class Trajectories:
    """Runs of a pipeline whose weights can be exchanged, all components in memory.

    Attributes:
        weights: The quantizable weights by `COMPONENT.PARAMETER`, rounded to fp16.
    """

    def __init__(self, pipeline: PipelineComponents) -> None:
        self.pipeline = pipeline
        self._components = {name: pipeline.component(name) for name in pipeline.names}
        self._parameters: dict[str, nn.Parameter] = {}
        for name, component in self._components.items():
            component.module.half().float()  # "as good as fp16" is measured against fp16
            parameters = dict(component.module.named_parameters())
            for key in quantizable(component.module):
                self._parameters[f"{name}.{key}"] = parameters[key]
        self.weights = {key: p.detach().clone() for key, p in self._parameters.items()}

    def component(self, name: str) -> Component:
        """A component, its weights as the last run left them."""
        return self._components[name]

    def image(self, seed: int, exchanged: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """The final image (1,3,H,W) of a run, with some weights replaced by others."""
        with torch.no_grad():
            self._set(exchanged or {})
            return self._run(seed).numpy()

    def gradients(self, seed: int, count: int) -> list[dict[str, Tensor]]:
        """Gradients of `count` random projections of a run's image, by weight.

        A projection is the image times normal numbers of variance 1/n, n its elements. To first
        order a change of the weights changes it by its product with the gradient, whose square is,
        in the mean over projections, the image's mean squared error (Hutchinson's estimator).
        """
        self._set({})
        for parameter in self._parameters.values():
            parameter.requires_grad_(True)
        try:
            image = self._run(seed)
            generator = torch.Generator().manual_seed(seed)
            found = []
            for turn in range(count):
                noise = torch.randn(image.shape, generator=generator) / image.numel() ** 0.5
                gradients = torch.autograd.grad(
                    (image * noise).sum(),
                    list(self._parameters.values()),
                    retain_graph=turn + 1 < count,
                    materialize_grads=True,
                )
                found.append(dict(zip(self._parameters, gradients, strict=True)))
            return found
        finally:
            for parameter in self._parameters.values():
                parameter.requires_grad_(False)

    def _set(self, exchanged: Mapping[str, np.ndarray]) -> None:
        with torch.no_grad():
            for key, parameter in self._parameters.items():
                other = exchanged.get(key)
                parameter.copy_(self.weights[key] if other is None else torch.from_numpy(other))

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


def _runner(component: Component) -> Any:
    """A component from named tensors or arrays to named tensors, gradients included."""

    def call(inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        result = component.module(*(torch.as_tensor(inputs[s.name]) for s in component.inputs))
        outputs = result if isinstance(result, tuple) else (result,)
        return {spec.name: value for spec, value in zip(component.outputs, outputs, strict=True)}

    return call
