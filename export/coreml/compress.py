"""How a component's numbers are stored and computed: its compute precision, its packed weights.

Packed weights reach the ML Program by coremltools' own way for models that were compressed in
PyTorch: buffers beside the weight, named `_COREML_/WEIGHT/...`, from which the converter writes

    palettes   constexpr_lut_to_dense
    int8       constexpr_affine_dequantize, from iOS 18 on constexpr_blockwise_shift_scale
    int4       constexpr_blockwise_shift_scale

It finds the indices anew from weight and table, which gives the recipe's: each number of the weight
is an entry of the table, and of equal entries both take the first.
"""

from __future__ import annotations

from typing import Any

import coremltools as ct
import numpy as np
import torch
from coremltools.optimize.torch._utils.metadata_utils import CompressionMetadata
from torch import nn

from export.coreml.trigonometry import fp16_except_phases
from quantization import Packed, PackedState


def compute_precision(precision: str) -> Any:
    """What `ct.convert` takes as `compute_precision` for `fp16` or `fp32`."""
    return fp16_except_phases() if precision == "fp16" else ct.precision.FLOAT32


def mark(module: nn.Module, packed: PackedState) -> int:
    """Tell the converter how a module's weights are packed, in place; gives how many are.

    The weights themselves must be the numbers that the packed ones stand for. Those in `float16`
    are left alone.
    """
    marked = 0
    for name, tensor in packed.items():
        if tensor.scheme.kind == "float16":
            continue
        layer, _, parameter = name.rpartition(".")
        _metadata(parameter, tensor).register(module.get_submodule(layer))
        marked += 1
    return marked


def _metadata(parameter: str, tensor: Packed) -> CompressionMetadata:
    rank = len(tensor.shape)
    if tensor.scheme.kind == "palette":
        table = tensor.arrays["table"].astype(np.float32)
        blocks = (len(table), *(1 for _ in range(rank - 1)))
        lut = torch.from_numpy(table.reshape(*blocks, table.shape[1], 1))
        return CompressionMetadata(
            param_name=parameter, lut=lut, compression_type=["palettization"]
        )
    scale = tensor.arrays["scale"].astype(np.float32)
    scale = scale.reshape(*scale.shape, *(1 for _ in range(rank - scale.ndim)))
    return CompressionMetadata(
        param_name=parameter,
        quantization_n_bits=tensor.scheme.bits,
        quantization_scale=torch.from_numpy(scale),
        # Without an offset the converter would take unsigned integers where none is negative.
        zero_point=torch.zeros(scale.shape, dtype=torch.int8),
        compression_type=["quantization"],
    )
