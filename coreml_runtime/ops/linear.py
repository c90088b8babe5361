"""Matrix products."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .registry import Tensors, op


@op("linear")
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    x, weight = _alike(x, weight)
    if x.is_floating_point():
        return F.linear(x, weight, None if bias is None else bias.to(x.dtype))
    product = torch.matmul(x, weight.transpose(0, 1))
    return product if bias is None else product + bias


@op("matmul")
def matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    """Transposing has no effect on a vector."""
    if transpose_x and x.dim() > 1:
        x = x.transpose(-1, -2)
    if transpose_y and y.dim() > 1:
        y = y.transpose(-1, -2)
    return torch.matmul(*_alike(x, y))


@op("einsum")
def einsum(values: Tensors, equation: str) -> Tensor:
    return torch.einsum(equation, *values)


def _alike(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """A constant factor may be of another type than the other one (iOS 17). The documentation names
    the result's type, the other one's, and not that of the product: here it is floating point where
    either is, so that no factor is rounded before it."""
    if x.dtype == y.dtype:
        return x, y
    wider = torch.promote_types(x.dtype, y.dtype)
    return x.to(wider), y.to(wider)
