"""Ops that make tensors, sort them, or read their shape (MIL's section ``tensor_operation``)."""

import math

import torch
from torch import Tensor

from .registry import IOS16, IOS17, Ints, Scalar, op


@op("shape", exact=True)
def shape(x: Tensor) -> Tensor:
    return torch.tensor(x.shape, dtype=torch.int32, device=x.device)


@op("fill", exact=True)
def fill(device: torch.device, shape: Ints, value: Scalar = 0.0) -> Tensor:
    return torch.full(shape, value, device=device)


@op("fill_like", since=IOS16, exact=True)
def fill_like(ref_tensor: Tensor, value: Scalar = 0.0) -> Tensor:
    return torch.full(ref_tensor.shape, value, device=ref_tensor.device)


@op("range_1d")
def range_1d(device: torch.device, end: Scalar, start: Scalar, step: Scalar) -> Tensor:
    """Return ``start``, ``start + step``, ... before ``end``.

    Floats are computed in float64, so that rounding errors do not add up.
    """
    count = max(math.ceil((end - start) / step), 0)
    index = torch.arange(count, device=device)
    if isinstance(start, int) and isinstance(step, int):
        return start + step * index
    return (start + step * index.double()).float()


@op("one_hot", exact=True)
def one_hot(
    indices: Tensor,
    one_hot_vector_size: int,
    axis: int = -1,
    on_value: Scalar = 1,
    off_value: Scalar = 0,
) -> Tensor:
    """Encode indices along a new axis of the result; an index outside it sets no element."""
    axis %= indices.dim() + 1
    view = [1] * (indices.dim() + 1)
    view[axis] = one_hot_vector_size
    positions = torch.arange(one_hot_vector_size, device=indices.device).reshape(view)
    hit = indices.unsqueeze(axis) == positions
    on = torch.tensor(on_value, device=indices.device)
    return torch.where(hit, on, torch.tensor(off_value, device=indices.device))


@op("non_zero", exact=True)
def non_zero(x: Tensor) -> Tensor:
    return torch.nonzero(x)


@op("cumsum")
def cumsum(x: Tensor, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    """Return cumulative sums; ``exclusive`` leaves each element out of its own sum."""
    if reverse:
        x = x.flip(axis)
    total = torch.cumsum(x, axis)
    if exclusive:
        zero = torch.zeros_like(total.narrow(axis, 0, 1))
        total = torch.cat((zero, total.narrow(axis, 0, x.shape[axis] - 1)), axis)
    return total.flip(axis) if reverse else total


@op("band_part", exact=True)
def band_part(x: Tensor, lower: int = -1, upper: int = -1) -> Tensor:
    """Set elements outside the band to zero; a negative bound keeps that whole triangle."""
    row = torch.arange(x.shape[-2], device=x.device).unsqueeze(1)
    column = torch.arange(x.shape[-1], device=x.device)
    keep = torch.ones(x.shape[-2:], dtype=torch.bool, device=x.device)
    if lower >= 0:
        keep &= row - column <= lower
    if upper >= 0:
        keep &= column - row <= upper
    return torch.where(keep, x, torch.zeros_like(x))


@op("argsort", exact=True)
def argsort(x: Tensor, axis: int = -1, ascending: bool = False) -> Tensor:
    """Return the indices that sort ``x``; equal elements keep their order."""
    return torch.sort(x, dim=axis, descending=not ascending, stable=True).indices


def _topk(x: Tensor, k: int, axis: int, ascending: bool) -> tuple[Tensor, Tensor]:
    """Return the first k values and indices of a stable sort; k = -1 takes all."""
    values, indices = torch.sort(x, dim=axis, descending=not ascending, stable=True)
    count = x.shape[axis] if k == -1 else k
    return values.narrow(axis, 0, count), indices.narrow(axis, 0, count)


@op("topk", exact=True)
def topk(x: Tensor, k: int = 1, axis: int = -1, ascending: bool = False) -> tuple[Tensor, Tensor]:
    return _topk(x, k, axis, ascending)


@op("topk", since=IOS16, exact=True)
def topk_optional_indices(
    x: Tensor,
    k: int = 1,
    axis: int = -1,
    ascending: bool = False,
    sort: bool = True,
    return_indices: bool = True,
) -> tuple[Tensor, ...]:
    return _topk(x, k, axis, ascending)[: 2 if return_indices else 1]


@op("topk", since=IOS17, exact=True)
def topk_typed_indices(
    x: Tensor,
    k: int = 1,
    axis: int = -1,
    ascending: bool = False,
    sort: bool = True,
    return_indices: bool = True,
    output_indices_dtype: str = "int32",
) -> tuple[Tensor, ...]:
    return _topk(x, k, axis, ascending)[: 2 if return_indices else 1]
