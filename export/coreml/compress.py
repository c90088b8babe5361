"""How a component's packed weights are stored.

Packed weights reach the ML Program in coremltools' own way for models that were compressed in
PyTorch. Buffers beside the weight, named `_COREML_/WEIGHT/...`, describe its form, from which the
converter writes

    LookUp                     constexpr_lut_to_dense
    Scaled, a scale a channel  constexpr_affine_dequantize, from iOS 18 on
                               constexpr_blockwise_shift_scale
    Scaled, a scale a block    constexpr_blockwise_shift_scale

The converter finds the indices again from weight and table. They equal the packed ones, because
each number of the weight is an entry of the table, and of equal entries both take the first.
"""

from __future__ import annotations

import numpy as np
import torch
from coremltools.optimize.torch._utils.metadata_utils import CompressionMetadata
from torch import nn

from quantization import Form, LookUp, PackedState, Plain, Scaled


def mark(module: nn.Module, packed: PackedState) -> int:
    """Tell the converter, in place, how the weights of a module are packed.

    Args:
        module: Its weights must be the numbers that the packed ones stand for.
        packed: Its packed tensors; those in the form `Plain` are left alone.

    Returns:
        How many weights were marked.
    """
    marked = 0
    for name, tensor in packed.items():
        layer, _, parameter = name.rpartition(".")
        metadata = _metadata(parameter, tensor.form)
        if metadata is not None:
            metadata.register(module.get_submodule(layer))
            marked += 1
    return marked


def _metadata(parameter: str, form: Form) -> CompressionMetadata | None:
    match form:
        case Plain():
            return None
        case LookUp():
            return _look_up(parameter, form)
        case Scaled():
            return _scaled(parameter, form)


def _look_up(parameter: str, form: LookUp) -> CompressionMetadata:
    table = form.table.astype(np.float32)
    blocks = (len(table), *(1 for _ in form.shape[1:]))
    lut = torch.from_numpy(table.reshape(*blocks, table.shape[1], 1))
    return CompressionMetadata(param_name=parameter, lut=lut, compression_type=["palettization"])


def _scaled(parameter: str, form: Scaled) -> CompressionMetadata:
    scale = form.scale.astype(np.float32)
    scale = scale.reshape(*scale.shape, *(1 for _ in form.shape[scale.ndim :]))
    return CompressionMetadata(
        param_name=parameter,
        quantization_n_bits=form.bits,
        quantization_scale=torch.from_numpy(scale),
        # Without an offset the converter would take unsigned integers where none is negative.
        zero_point=torch.zeros(scale.shape, dtype=torch.int8),
        compression_type=["quantization"],
    )
