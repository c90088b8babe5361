"""One component to an ONNX model, by `torch.onnx.export` (dynamo)."""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
import torch
from torch import Tensor
from torch.onnx import OnnxExporterError

from components import Component
from export.errors import ConversionError
from export.onnx.operators import operators_known_once
from support.quiet import quiet

OPSET = 18
"""ONNX Runtime has run it since 1.14, and its CPU kernels cover all of it. From 21 on group
normalisation has none and is inlined into twice as many nodes."""


LARGEST_BATCH = 63
"""What a first axis of any length is converted for. diffusers' upsampling branches at 64, to the
same result; the file itself has no limit."""


def convert(component: Component, *, any_batch: bool = False) -> ir.Model:
    """Convert a component to an fp32 ONNX model in memory.

    Args:
        component: What to convert.
        any_batch: Whether the first axis of all inputs that have axes may have any length, the same
            for all. Otherwise shapes are static.

    Raises:
        ConversionError: The network uses something that ONNX cannot express.
    """
    example = component.example()
    if any_batch:
        # An axis of length 1 would be taken for one that is always 1.
        example = tuple(torch.cat([tensor] * 2) if tensor.ndim else tensor for tensor in example)
    with quiet(), torch.no_grad(), operators_known_once():
        try:
            program = torch.onnx.export(
                component.module,
                example,
                dynamic_shapes=_free_first_axes(example) if any_batch else None,
                dynamo=True,
                opset_version=OPSET,
                input_names=[spec.name for spec in component.inputs],
                output_names=[spec.name for spec in component.outputs],
                external_data=False,
                verbose=False,
            )
        except OnnxExporterError as error:
            reason = str(error).strip().splitlines()[0]
            raise ConversionError(f"ONNX cannot express {component.name}: {reason}") from error
    assert program is not None
    return program.model


def _free_first_axes(example: tuple[Tensor, ...]) -> Any:
    """The `dynamic_shapes` of a module that takes `*inputs`."""
    batch = torch.export.Dim("batch", min=1, max=LARGEST_BATCH)
    return (tuple({0: batch} if tensor.ndim else {} for tensor in example),)
