"""Gather and scatter.

From the iOS 17 opset on, negative indices are out of bounds, and what then happens is undefined;
here they count from the end in every opset.
"""

import torch
from torch import Tensor

from .registry import op


def _positive(indices: Tensor, size: int) -> Tensor:
    indices = indices.long()
    return torch.where(indices < 0, indices + size, indices)


def _batch_grid(shape: torch.Size, count: int, rank: int, device: torch.device) -> list[Tensor]:
    """One index tensor for each of the first ``count`` axes, to broadcast to ``rank`` axes."""
    grid = []
    for axis in range(count):
        view = [1] * rank
        view[axis] = shape[axis]
        grid.append(torch.arange(shape[axis], device=device).reshape(view))
    return grid


@op("gather", exact=True)
def gather(
    x: Tensor, indices: Tensor, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False
) -> Tensor:
    """``x[…, indices, …]`` at ``axis``; the first ``batch_dims`` axes of both go together."""
    axis %= x.dim()
    index = _positive(indices, x.shape[axis])
    if batch_dims == 0:
        picked = torch.index_select(x, axis, index.reshape(-1))
        return picked.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    moved = x.movedim(axis, batch_dims)
    grid = _batch_grid(x.shape, batch_dims, index.dim(), x.device)
    picked = moved[(*grid, index)]  # batch, rest of the indices, rest of x
    extra = index.dim() - batch_dims
    source = list(range(batch_dims, batch_dims + extra))
    return picked.movedim(source, [position + axis - batch_dims for position in source])


@op("gather_along_axis", exact=True)
def gather_along_axis(
    x: Tensor, indices: Tensor, axis: int = 0, validate_indices: bool = False
) -> Tensor:
    return torch.gather(x, axis, _positive(indices, x.shape[axis]))


@op("gather_nd", exact=True)
def gather_nd(
    x: Tensor, indices: Tensor, batch_dims: int = 0, validate_indices: bool = False
) -> Tensor:
    """The last axis of ``indices`` holds coordinates into ``x`` after its batch axes."""
    parts = [
        _positive(part, x.shape[batch_dims + axis]) for axis, part in enumerate(indices.unbind(-1))
    ]
    grid = _batch_grid(x.shape, batch_dims, indices.dim() - 1, x.device)
    return x[(*grid, *parts)]


_REDUCTIONS = {"add": "sum", "sub": "sum", "mul": "prod", "div": "prod", "max": "amax",
               "min": "amin"}  # fmt: skip


def _combine(data: Tensor, places: Tensor, updates: Tensor, mode: str) -> Tensor:
    """``data`` with ``updates`` combined into the elements numbered ``places``."""
    flat, index, values = data.reshape(-1), places.reshape(-1), updates.reshape(-1)
    if mode == "update":
        return flat.scatter(0, index, values).reshape(data.shape)
    if mode not in _REDUCTIONS:
        raise ValueError(f"unknown scatter mode {mode!r}")
    if mode == "sub":
        values = -values
    if mode == "div":
        values = 1.0 / values
    result = flat.to(values.dtype).scatter_reduce(0, index, values, _REDUCTIONS[mode])
    return result.reshape(data.shape)


def _numbering(data: Tensor) -> Tensor:
    return torch.arange(data.numel(), device=data.device).reshape(data.shape)


@op("scatter")
def scatter(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    places = gather(_numbering(data), indices, axis)
    return _combine(data, places, updates, mode)


@op("scatter_along_axis")
def scatter_along_axis(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    places = gather_along_axis(_numbering(data), indices, axis)
    return _combine(data, places, updates, mode)


@op("scatter_nd")
def scatter_nd(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    return _combine(data, gather_nd(_numbering(data), indices), updates, mode)
