"""The packed weights of a component, for a form of it: a chunk, or with layers as convolutions."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from components import Component
from quantization import Int8Layers, PackedState, PackedTensor, QuantizedPipeline


class PackedForm:
    """What a format asks of `QuantizedPipeline`, for one form of one component."""

    def __init__(self, quantized: QuantizedPipeline, whole: str, form: Component) -> None:
        """
        Args:
            quantized: Packs the component.
            whole: The component's name there.
            form: What is exported instead, with parameters of the same names.
        """
        self._quantized, self._whole = quantized, whole
        state = form.module.state_dict()
        self._shapes = {name: tuple(value.shape) for name, value in state.items()}

    def packed(self, name: str) -> PackedState:
        """The packed tensors that the form has, in its shapes.

        A linear layer's weight (out, in) has the arrays of the convolution's (out, in, 1, 1).
        """
        return {
            key: _shaped(tensor, self._shapes[key])
            for key, tensor in self._quantized.packed(self._whole).items()
            if key in self._shapes
        }

    def int8_layers(self, name: str) -> Int8Layers:
        """The layers that compute in int8 and that the form has."""
        layers = self._quantized.int8_layers(self._whole)
        return {key: scales for key, scales in layers.items() if f"{key}.weight" in self._shapes}


class StoredBytes:
    """Bytes that parameters of a component take in an artifact."""

    def __init__(self, precision: str, packed: PackedState | None = None) -> None:
        """
        Args:
            precision: `fp16` or `fp32`.
            packed: The packed tensors; None where nothing is packed.
        """
        self._bytes = 2 if precision == "fp16" else 4
        self._packed = packed or {}

    def __call__(self, name: str, value: Tensor) -> int:
        """Bytes of the parameter `name`, which holds `value`."""
        packed = self._packed.get(name)
        return packed.size if packed is not None else value.numel() * self._bytes

    def of(self, component: Component) -> int:
        """Bytes of all parameters of a component."""
        return sum(self(name, value) for name, value in component.module.state_dict().items())


def chunk_counts(sizes: dict[str, int], chunks: int) -> dict[str, int]:
    """Into how many chunks each component is cut, by name.

    The largest is cut into `chunks`, and every other one so that its chunks are not larger than
    those: no model then holds much more than that share of the largest component.

    Args:
        sizes: Bytes of each component.
        chunks: Number of chunks of the largest component.
    """
    largest = max(sizes.values())
    return {name: max(1, -(-size * chunks // largest)) for name, size in sizes.items()}


def _shaped(tensor: PackedTensor, shape: tuple[int, ...]) -> PackedTensor:
    if tensor.shape == shape:
        return tensor
    layouts = tensor.scheme.layout(shape)
    arrays = {name: array.reshape(layouts[name].shape) for name, array in tensor.arrays.items()}
    return replace(tensor, shape=shape, arrays=arrays)
