"""Whole runs in PyTorch: what quantized weights do to final images, exactly and to first order.

A gradient of a whole run needs no more memory than one of a single call: of each call of a
component only the inputs are kept, and the call is computed again when its gradient is wanted
(Chen et al., "Training deep nets with sublinear memory cost", arXiv 1604.06174). What is left is
the weights, one gradient of all of them, and what one call keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.utils.checkpoint import checkpoint

from components import Component, PipelineComponents
from quantization.activations import Int8Layers, calibrate, computing_in_int8
from quantization.recipe import Recipe, quantizable

LayerError = Callable[[Tensor, Tensor], Tensor]
"""From a layer's input and output to the error that is added to the output."""
LayerErrors = Mapping[str, LayerError]
"""Errors by `COMPONENT.LAYER`."""


class PipelineRuns:
    """Runs of a pipeline whose weights can be replaced, with all components in memory.

    Attributes:
        weights: The quantizable weights by `COMPONENT.PARAMETER`, in fp16.
        parameters: The number of elements of all components.
    """

    def __init__(self, pipeline: PipelineComponents) -> None:
        self.pipeline = pipeline
        self._components = {name: pipeline.component(name) for name in pipeline.names}
        self._parameters: dict[str, nn.Parameter] = {}
        names = []
        for name, component in self._components.items():
            component.module.half().float()  # quality is measured against fp16 weights
            for key, parameter in component.module.named_parameters():
                self._parameters[f"{name}.{key}"] = parameter
            names += [f"{name}.{key}" for key in quantizable(component.module)]
        self._replaced: dict[str, Tensor] = {}
        """The own values, in fp16, of those parameters that have others."""
        self.weights: Mapping[str, Tensor] = _Lazy(names, self._own)
        self.parameters = sum(
            value.numel()
            for component in self._components.values()
            for value in component.module.state_dict().values()
        )

    def component(self, name: str) -> Component:
        """A component, with the weights that the last run gave it."""
        return self._components[name]

    def layer(self, name: str) -> nn.Module:
        """The layer `COMPONENT.LAYER`, with the weights that the last run gave it."""
        component, _, layer = name.partition(".")
        return self._components[component].module.get_submodule(layer)

    def image(
        self,
        seed: int,
        replaced: Mapping[str, np.ndarray] | None = None,
        int8_layers: Mapping[str, Int8Layers] | None = None,
    ) -> np.ndarray:
        """The final image (1,3,H,W) of a run.

        Args:
            seed: Seed of the run.
            replaced: Values for parameters instead of their own, by `COMPONENT.PARAMETER`.
            int8_layers: Layers that compute in int8, by component.
        """
        with torch.no_grad(), ExitStack() as stack:
            self._set(replaced or {})
            for name, layers in (int8_layers or {}).items():
                stack.enter_context(computing_in_int8(self._components[name].module, layers))
            return self._run(seed).numpy()

    def calibrated(
        self, recipe: Recipe, replaced: Mapping[str, np.ndarray]
    ) -> dict[str, Int8Layers]:
        """The layers that a recipe lets compute in int8, by component, calibrated with some
        parameters replaced."""
        self._set(replaced)
        return calibrate(self.pipeline, self._components, recipe)

    def gradients(self, seed: int, count: int) -> Iterator[dict[str, Tensor]]:
        """Gradients of `count` random projections of a run's image, by weight, one by one."""
        with self._differentiable() as parameters:
            # `map` keeps no reference to the last one, which is as large as all weights.
            yield from map(self._named, _gradients(self._run(seed), parameters, seed, count))

    def _named(self, gradients: Sequence[Tensor | None]) -> dict[str, Tensor]:
        """Gradients by weight; zero where a run does not use the weight."""
        return {
            name: torch.zeros_like(self._parameters[name]) if gradient is None else gradient
            for name, gradient in zip(self.weights, gradients, strict=True)
        }

    def changes(self, seed: int, count: int, errors: LayerErrors) -> dict[str, np.ndarray]:
        """How random projections of a run's image change, to first order, when convolutions err.

        Where a run calls a layer several times, the effects of its calls are added up.

        Args:
            seed: Seed of the run and of the projections.
            count: How many projections.
            errors: What is added to the output of which layer.

        Returns:
            For each layer the changes that its output channels cause, (count, channels).
        """
        edges: list[GradientEdge] = []  # of the outputs, which need not be kept themselves
        added: list[tuple[str, Tensor]] = []

        def collect(name: str, input_: Tensor, output: Tensor) -> None:
            with torch.no_grad():
                added.append((name, errors[name](input_, output)))
            edges.append(get_gradient_edge(output))

        changes = {name: np.zeros((count, len(self.weights[f"{name}.weight"]))) for name in errors}
        with self._differentiable():  # so that every output has a gradient
            with self._watched(errors, collect):
                image = self._run(seed)
            for row, gradients in enumerate(_gradients(image, edges, seed, count)):
                for (name, error), gradient in zip(added, gradients, strict=True):
                    if gradient is not None:
                        products = (error * gradient).transpose(0, 1).flatten(1)
                        changes[name][row] += products.sum(dim=1, dtype=torch.float64).numpy()
        return changes

    def multiplications(self, seed: int) -> dict[str, int]:
        """How many multiplications each convolution and linear layer, by `COMPONENT.LAYER`, does
        in a whole run."""
        layers = [name.removesuffix(".weight") for name in self.weights]
        counts = dict.fromkeys(layers, 0)

        def count(name: str, input_: Tensor, output: Tensor) -> None:
            weight = self.weights[f"{name}.weight"]
            counts[name] += output.numel() * weight.numel() // len(weight)

        with torch.no_grad(), self._watched(layers, count):
            self._run(seed)
        return counts

    @contextmanager
    def _watched(
        self, layers: Iterable[str], see: Callable[[str, Tensor, Tensor], None]
    ) -> Iterator[None]:
        """Call, while open, `see(layer, input, output)` whenever one of the layers is called."""

        def hook(name: str) -> Any:
            return lambda _, inputs, output: see(name, inputs[0], output)

        with ExitStack() as stack:
            for name in layers:
                stack.callback(self.layer(name).register_forward_hook(hook(name)).remove)
            yield

    @contextmanager
    def _differentiable(self) -> Iterator[list[nn.Parameter]]:
        """Let the quantizable weights have gradients while open, with their own values."""
        self._set({})
        parameters = [self._parameters[name] for name in self.weights]
        for parameter in parameters:
            parameter.requires_grad_(True)
        try:
            yield parameters
        finally:
            for parameter in parameters:
                parameter.requires_grad_(False)

    def _set(self, replaced: Mapping[str, np.ndarray]) -> None:
        """Give all parameters their own values, or those that replace them."""
        with torch.no_grad():
            for key in self._replaced.keys() - replaced.keys():
                self._parameters[key].copy_(self._replaced.pop(key))
            for key in replaced.keys() & self._parameters.keys():
                self._replaced[key] = self._own(key)
                self._parameters[key].copy_(torch.from_numpy(replaced[key]))

    def _own(self, key: str) -> Tensor:
        """A parameter's own value in fp16, whatever it was replaced by."""
        own = self._replaced.get(key)
        return self._parameters[key].detach().half() if own is None else own

    def _run(self, seed: int) -> Tensor:
        inputs: Any = {
            name: torch.from_numpy(array) for name, array in self.pipeline.example_run(seed).items()
        }
        runners: Any = {name: _runner(c) for name, c in self._components.items()}
        (image,) = self.pipeline.run(runners, inputs).values()
        assert isinstance(image, Tensor), "runs of tensors give tensors"
        return image


class _Lazy(Mapping[str, Tensor]):
    """Tensors that are made when they are asked for."""

    def __init__(self, names: Sequence[str], make: Callable[[str], Tensor]) -> None:
        self._names, self._make = dict.fromkeys(names), make

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _gradients(
    image: Tensor, sources: Sequence[Tensor] | Sequence[GradientEdge], seed: int, count: int
) -> Iterator[tuple[Tensor | None, ...]]:
    """Gradients of `count` random projections of an image with respect to the sources.

    They are None for sources that the image does not depend on.

    A projection is the inner product of the image with normal numbers of variance 1/n, where n is
    its number of elements. To first order, a change of a source changes the projection by its inner
    product with the gradient. The mean square of that over projections is the mean squared error of
    the image (Hutchinson's estimator).
    """
    generator = torch.Generator().manual_seed(seed)
    for index in range(count):
        noise = torch.randn(image.shape, generator=generator) / image.numel() ** 0.5
        projection = (image * noise).sum()
        yield torch.autograd.grad(
            projection, sources, retain_graph=index + 1 < count, allow_unused=True
        )


def _runner(component: Component) -> Any:
    """A component as a callable from named tensors to named tensors, which keeps gradients."""

    def call(inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        tensors = [torch.as_tensor(inputs[spec.name]) for spec in component.inputs]
        result = checkpoint(
            component.module, *tensors, use_reentrant=False, preserve_rng_state=False
        )
        outputs = result if isinstance(result, tuple) else (result,)
        return {spec.name: value for spec, value in zip(component.outputs, outputs, strict=True)}

    return call
