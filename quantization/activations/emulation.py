"""Layers that compute in int8, emulated in PyTorch: rounded where the exported file rounds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from quantization.activations.calibration import Int8Layers, LayerScales
from quantization.activations.histogram import HIGHEST

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
"""Layers whose output is int8 too. A linear layer has only its input in int8
(`export.onnx.activations`)."""


@contextmanager
def computing_in_int8(module: nn.Module, layers: Int8Layers) -> Iterator[None]:
    """Make layers of a module compute, while open, as the exported ones do.

    Only the rounding of biases is left out. Gradients pass straight through the rounding (arXiv
    1308.3432), and are zero where it clips.
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
