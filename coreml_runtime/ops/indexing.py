"""Gather and scatter.

Up to iOS 16 negative indices count from the end. From iOS 17 on they are out of bounds like those
beyond the end: with ``validate_indices`` an error, without it undefined. Then gathering counts from
the end here, and fails beyond it; scattering leaves such updates out.
"""

import torch
from torch import Tensor

from .registry import IOS17, op


def _positive(indices: Tensor, size: int) -> Tensor:
    indices = indices.long()
    return torch.where(indices < 0, indices + size, indices)


def inside_bounds(indices: Tensor, size: int | Tensor) -> Tensor:
    return (indices >= 0) & (indices < size)


def validate(inside: Tensor) -> None:
    if not bool(inside.all()):
        raise IndexError("indices are out of bounds")


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


@op("gather", since=IOS17, exact=True)
def gather_validated(
    x: Tensor, indices: Tensor, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False
) -> Tensor:
    if validate_indices:
        validate(inside_bounds(indices, x.shape[axis]))
    return gather(x, indices, axis, batch_dims)


@op("gather_along_axis", since=IOS17, exact=True)
def gather_along_axis_validated(
    x: Tensor, indices: Tensor, axis: int = 0, validate_indices: bool = False
) -> Tensor:
    if validate_indices:
        validate(inside_bounds(indices, x.shape[axis]))
    return gather_along_axis(x, indices, axis)


@op("gather_nd", since=IOS17, exact=True)
def gather_nd_validated(
    x: Tensor, indices: Tensor, batch_dims: int = 0, validate_indices: bool = False
) -> Tensor:
    if validate_indices:
        validate(inside_bounds(indices, sizes(x, batch_dims, indices.shape[-1])))
    return gather_nd(x, indices, batch_dims)


def sizes(x: Tensor, first: int, count: int) -> Tensor:
    return torch.tensor(x.shape[first : first + count], device=x.device)
