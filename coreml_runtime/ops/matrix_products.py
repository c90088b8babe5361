"""Matrix products (MIL's section ``linear``)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .registry import Tensors, op


@op("linear")
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    x, weight = _same_type(x, weight)
    if x.is_floating_point():
        return F.linear(x, weight, None if bias is None else bias.to(x.dtype))
    product = torch.matmul(x, weight.transpose(0, 1))
    return product if bias is None else product + bias


@op("matmul")
def matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    """Multiply matrices; the transpose flags have no effect on a vector."""
    if transpose_x and x.dim() > 1:
        x = x.transpose(-1, -2)
    if transpose_y and y.dim() > 1:
        y = y.transpose(-1, -2)
    return torch.matmul(*_same_type(x, y))


@op("einsum")
def einsum(values: Tensors, equation: str) -> Tensor:
    return torch.einsum(equation, *values)


def _same_type(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Convert both factors to one type.

    From iOS 17 on a constant factor may have another type than the other factor. The documentation
    gives the type of the result (that of the other factor) but not that of the product. Here the
    product is in floating point if either factor is, so that neither is rounded before it.
    """
    if x.dtype == y.dtype:
        return x, y
    wider = torch.promote_types(x.dtype, y.dtype)
    return x.to(wider), y.to(wider)
