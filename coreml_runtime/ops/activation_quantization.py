"""Affine quantization of activations (iOS 17 opset, section ``quantization_ops``)."""

import torch
from torch import Tensor

from ..numerics import BY_NAME
from .registry import IOS17, op


def _along(values: Tensor, x: Tensor, axis: int | None) -> Tensor:
    """Reshape a scalar, or a vector along ``axis``, so that it broadcasts over ``x``."""
    if axis is None or values.dim() == 0:
        return values
    view = [1] * x.dim()
    view[axis] = -1
    return values.reshape(view)


@op("quantize", since=IOS17, exact=True)
def quantize(
    input: Tensor,
    scale: Tensor,
    output_dtype: str,
    zero_point: Tensor | None = None,
    axis: int | None = None,
) -> Tensor:
    """Compute ``clip(round(input / scale) + zero_point)``; ties round to even."""
    kind = BY_NAME.get(output_dtype)
    if kind is None or kind.kind not in "iu" or kind.bits > 8:
        raise ValueError(f"unknown output_dtype {output_dtype!r}")
    whole = torch.round(input / _along(scale, input, axis))
    if zero_point is not None:
        whole = whole + _along(zero_point, input, axis).float()
    low = -(1 << kind.bits - 1) if kind.kind == "i" else 0
    return whole.clamp(low, low + (1 << kind.bits) - 1)


@op("dequantize", since=IOS17)
def dequantize(
    input: Tensor, scale: Tensor, zero_point: Tensor | None = None, axis: int | None = None
) -> Tensor:
    """Compute ``scale * (input - zero_point)``."""
    whole = input.float()
    if zero_point is not None:
        whole = whole - _along(zero_point, input, axis).float()
    return whole * _along(scale, input, axis)
