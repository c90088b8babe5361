"""One component to an ONNX model, by `torch.onnx.export` (dynamo)."""

from __future__ import annotations

import onnx_ir as ir
import torch
from torch.onnx import OnnxExporterError

from components import Component
from export.errors import ConversionError
from support.quiet import quiet

OPSET = 18
"""ONNX Runtime has run it since 1.14, and its CPU kernels cover all of it. From 21 on group
normalisation has none and is inlined into twice as many nodes."""


def convert(component: Component) -> ir.Model:
    """Convert a component to an fp32 ONNX model in memory, with static shapes.

    Raises:
        ConversionError: The network uses something that ONNX cannot express.
    """
    with quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                component.module,
                component.example(),
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
