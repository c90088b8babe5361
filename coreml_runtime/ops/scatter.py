"""Scatter ops, which combine updates into a copy of the data (MIL's section ``scatter_gather``).

Several updates of one element are all combined. :mod:`.gather` says which indices are out of bounds
and what happens then.
"""

import torch
from torch import Tensor

from .gather import axis_sizes, gather, gather_along_axis, gather_nd, inside_bounds, validate
from .registry import IOS17, op

# The modes of MIL as reductions of torch; "sub" and "div" first negate or invert the updates.
_REDUCTIONS = {"add": "sum", "sub": "sum", "mul": "prod", "div": "prod", "max": "amax",
               "min": "amin"}  # fmt: skip


def _combine(
    data: Tensor, numbers: Tensor, updates: Tensor, mode: str, kept: Tensor | None = None
) -> Tensor:
    """Combine ``updates`` into the elements of ``data`` with the given flat numbers.

    ``kept`` is boolean and broadcasts to ``numbers``; an update is left out where it is False.
    """
    flat, index, values = data.reshape(-1), numbers.reshape(-1), updates.reshape(-1)
    if kept is not None:
        selected = kept.expand(numbers.shape).reshape(-1)
        index, values = index[selected], values[selected]
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
    """Return a tensor of the shape of ``data`` whose elements are their own flat indices."""
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
    return _combine(data, gather(_numbering(data), indices, axis), updates, mode)


@op("scatter", since=IOS17)
def scatter_validated(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    inside = inside_bounds(indices, data.shape[axis])
    if validate_indices:
        validate(inside)
    numbers = gather(_numbering(data), torch.where(inside, indices, 0), axis)
    after = (1,) * (data.dim() - 1 - axis % data.dim())
    return _combine(data, numbers, updates, mode, inside.reshape((*inside.shape, *after)))


@op("scatter_along_axis")
def scatter_along_axis(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    return _combine(data, gather_along_axis(_numbering(data), indices, axis), updates, mode)


@op("scatter_along_axis", since=IOS17)
def scatter_along_axis_validated(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    inside = inside_bounds(indices, data.shape[axis])
    if validate_indices:
        validate(inside)
    numbers = gather_along_axis(_numbering(data), torch.where(inside, indices, 0), axis)
    return _combine(data, numbers, updates, mode, inside)


@op("scatter_nd")
def scatter_nd(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    return _combine(data, gather_nd(_numbering(data), indices), updates, mode)


@op("scatter_nd", since=IOS17)
def scatter_nd_validated(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    inside = inside_bounds(indices, axis_sizes(data, 0, indices.shape[-1]))
    if validate_indices:
        validate(inside)
    numbers = gather_nd(_numbering(data), torch.where(inside, indices, 0))
    after = (1,) * (numbers.dim() - inside.dim() + 1)
    kept = inside.all(-1)
    return _combine(data, numbers, updates, mode, kept.reshape((*kept.shape, *after)))
