"""A pipeline with quantized weights: run in PyTorch like any other, and its packed tensors.

What the exporters write, what is measured and what a quantized checkpoint holds all come from here,
so the bits are decided once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

import components
from components import Component, PipelineComponents
from components.checkpoint import read_index
from quantization.activations import Int8Layers, calibrate
from quantization.errors import PackedError, WeightError
from quantization.recipe import Recipe
from quantization.schemes import FLOAT16, PackedState, PackedTensor, Scheme, quantize

THREADS = 2


class QuantizedPipeline:
    """A checkpoint and a recipe together.

    Attributes:
        recipe: Which weight has which scheme.
        pipeline: The components, with the numbers that the packed tensors stand for as weights.
    """

    def __init__(
        self,
        checkpoint: Path,
        recipe: Recipe,
        packed: Callable[[str], PackedState],
        int8_layers: Mapping[str, Int8Layers] | None = None,
    ) -> None:
        """Join a checkpoint with packed tensors.

        Args:
            checkpoint: Its folder, of which only the configuration is read.
            recipe: Which weight has which scheme.
            packed: Called once for each component that is needed; returns its packed tensors.
            int8_layers: For each component the scales of its layers that compute in int8; None
                where they are still to be calibrated.
        """
        self.recipe = recipe
        self._int8_layers = int8_layers
        self._pack = packed
        self._packed: dict[str, PackedState] = {}
        self.pipeline = components.load(checkpoint, weights=self._dense)

    def int8_layers(self, name: str) -> Int8Layers:
        """The layers of a component that compute in int8; calibrated when first asked for."""
        if not self.recipe.activations:
            return {}
        if self._int8_layers is None:
            loaded = {name: self.pipeline.component(name) for name in self.pipeline.names}
            self._int8_layers = calibrate(self.pipeline, loaded, self.recipe)
        return self._int8_layers[name]

    def packed(self, name: str) -> PackedState:
        """The state of a component as it is stored; packed when first asked for, then kept."""
        if name not in self._packed:
            self._packed[name] = self._pack(name)
        return self._packed[name]

    def require_recipe(self) -> None:
        """Compare the packed tensors with the recipe; all of them are read.

        Raises:
            PackedError: A tensor has another scheme than the recipe says; the message names it.
            MisfitError: The recipe is for another model.
            ComponentsError: The tensors do not fit the checkpoint's configuration.
        """
        for name in self.pipeline.names:
            expected = self.recipe.schemes(self.pipeline.component(name))
            for key, tensor in self.packed(name).items():
                scheme = expected.get(key, FLOAT16)
                if tensor.scheme != scheme:
                    raise PackedError(
                        f"{self.pipeline.checkpoint}: {name}.{key} is stored as {tensor.scheme}, "
                        f"its recipe says {scheme}"
                    )

    @property
    def size(self) -> int:
        """Bytes of all tensors of all components."""
        names = self.pipeline.names
        return sum(tensor.size for name in names for tensor in self.packed(name).values())

    def _dense(self, name: str) -> dict[str, torch.Tensor]:
        return {key: torch.from_numpy(p.dense()) for key, p in self.packed(name).items()}


def apply(checkpoint: Path, recipe: Recipe) -> QuantizedPipeline:
    """Quantize the components of a checkpoint by a recipe, each when it is first needed.

    Raises:
        MisfitError: The recipe is for another model. All components are compared with it at once.
        SchemeError: A weight cannot have the scheme that the recipe says.
        WeightError: A weight is empty, or holds NaN or infinity; the message names it.
        ComponentsError: The checkpoint cannot be read.
    """
    pipeline = components.load(checkpoint)
    recipe.require_pipeline(read_index(checkpoint)["_class_name"], pipeline.names)
    for name in pipeline.names:
        recipe.schemes(pipeline.component(name))

    def packed(name: str) -> PackedState:
        return quantize_component(pipeline.component(name), recipe)

    return QuantizedPipeline(checkpoint, recipe, packed)


def quantize_component(component: Component, recipe: Recipe) -> dict[str, PackedTensor]:
    """Pack every tensor of a component's state in the scheme that the recipe says."""
    schemes = recipe.schemes(component)
    state = component.module.state_dict()
    chosen = {f"{component.name}.{name}": schemes.get(name, FLOAT16) for name in state}
    named = {f"{component.name}.{name}": value for name, value in state.items()}
    return dict(zip(state, quantize_all(named, chosen).values(), strict=True))


def quantize_all(
    weights: Mapping[str, torch.Tensor], schemes: Mapping[str, Scheme]
) -> dict[str, PackedTensor]:
    """Pack those weights that have a scheme, by name and in the order of `schemes`.

    Raises:
        WeightError: One is empty, or holds NaN or infinity; the message names it.
    """

    def packed(name: str) -> PackedTensor:
        try:
            return quantize(weights[name].numpy(), schemes[name])
        except WeightError as error:
            raise WeightError(f"{name} cannot be quantized: {error}") from None

    with ThreadPoolExecutor(THREADS) as pool:  # the kernels release the interpreter's lock
        return dict(zip(schemes, pool.map(packed, schemes), strict=True))


def sizes(pipeline: PipelineComponents, recipe: Recipe) -> dict[str, int]:
    """Bytes of each component that a recipe promises; no weight is quantized."""
    return {name: component_size(pipeline.component(name), recipe) for name in pipeline.names}


def component_size(component: Component, recipe: Recipe) -> int:
    """Bytes of one component that a recipe promises."""
    schemes = recipe.schemes(component)
    state = component.module.state_dict().items()
    return sum(schemes.get(name, FLOAT16).size(tuple(value.shape)) for name, value in state)
