"""Gather ops (MIL's section ``scatter_gather``).

Up to iOS 16 negative indices count from the end. From iOS 17 on they are out of bounds, as are
those beyond the end. Out of bounds is an error with ``validate_indices`` and undefined without it.
Here, without it, gather ops count negative indices from the end and fail beyond the end; scatter
ops leave such updates out.
"""

import torch
from torch import Tensor

from .registry import IOS17, op


def _from_start(indices: Tensor, size: int) -> Tensor:
    indices = indices.long()
    return torch.where(indices < 0, indices + size, indices)


def inside_bounds(indices: Tensor, size: int | Tensor) -> Tensor:
    """Return a boolean tensor that is True where an index is in [0, size)."""
    return (indices >= 0) & (indices < size)


def validate(inside: Tensor) -> None:
    """Raise an IndexError unless ``inside`` is True everywhere."""
    if not bool(inside.all()):
        raise IndexError("indices are out of bounds")


def _batch_grid(shape: torch.Size, count: int, rank: int, device: torch.device) -> list[Tensor]:
    """Return an index tensor for each of the first ``count`` axes, of ``rank`` axes itself."""
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
    """Return ``x[..., indices, ...]`` at ``axis``; both share the first ``batch_dims`` axes."""
    axis %= x.dim()
    index = _from_start(indices, x.shape[axis])
    if batch_dims == 0:
        picked = torch.index_select(x, axis, index.reshape(-1))
        return picked.reshape((*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))
    moved = x.movedim(axis, batch_dims)
    grid = _batch_grid(x.shape, batch_dims, index.dim(), x.device)
    picked = moved[(*grid, index)]  # (batch axes, other axes of indices, other axes of x)
    extra = index.dim() - batch_dims
    source = list(range(batch_dims, batch_dims + extra))
    return picked.movedim(source, [position + axis - batch_dims for position in source])


@op("gather_along_axis", exact=True)
def gather_along_axis(
    x: Tensor, indices: Tensor, axis: int = 0, validate_indices: bool = False
) -> Tensor:
    return torch.gather(x, axis, _from_start(indices, x.shape[axis]))


@op("gather_nd", exact=True)
def gather_nd(
    x: Tensor, indices: Tensor, batch_dims: int = 0, validate_indices: bool = False
) -> Tensor:
    """Gather at coordinates: the last axis of ``indices`` indexes ``x`` after its batch axes."""
    coordinates = enumerate(indices.unbind(-1), batch_dims)
    parts = [_from_start(part, x.shape[axis]) for axis, part in coordinates]
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
        validate(inside_bounds(indices, axis_sizes(x, batch_dims, indices.shape[-1])))
    return gather_nd(x, indices, batch_dims)


def axis_sizes(x: Tensor, first: int, count: int) -> Tensor:
    """Return the sizes of ``count`` axes of ``x`` from axis ``first`` on, as (count,)."""
    return torch.tensor(x.shape[first : first + count], device=x.device)
