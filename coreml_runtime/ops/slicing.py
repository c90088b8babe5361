"""Slices of tensors, and updates of slices (MIL's section ``tensor_transformation``)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .registry import IOS18, Bools, Ints, op


def _slices(
    shape: Sequence[int],
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int] | None,
    begin_mask: Sequence[bool] | None,
    end_mask: Sequence[bool] | None,
    squeeze_mask: Sequence[bool] | None,
) -> list[range]:
    """Return the indices to take along each axis; a squeezed axis takes one."""
    ranges = []
    for axis, size in enumerate(shape):
        first = None if begin_mask and begin_mask[axis] else begin[axis]
        last = None if end_mask and end_mask[axis] else end[axis]
        step = stride[axis] if stride else 1
        if squeeze_mask and squeeze_mask[axis]:
            index = first or 0
            index += size if index < 0 else 0
            ranges.append(range(index, index + 1))
        else:
            ranges.append(range(*slice(first, last, step).indices(size)))
    return ranges


def _take(x: Tensor, axis: int, taken: range) -> Tensor:
    if taken == range(x.shape[axis]):
        return x
    if not taken:
        return x.narrow(axis, 0, 0)
    if taken.step > 0:
        return x[(*(slice(None),) * axis, slice(taken.start, taken.stop, taken.step))]
    # torch does not support slices with a negative step.
    return x.index_select(axis, torch.tensor(taken, device=x.device))


@op("slice_by_index", exact=True)
def slice_by_index(
    x: Tensor,
    begin: Ints,
    end: Ints,
    stride: Ints | None = None,
    begin_mask: Bools | None = None,
    end_mask: Bools | None = None,
    squeeze_mask: Bools | None = None,
) -> Tensor:
    """Slice as Python does; a mask ignores that bound, a squeezed axis is indexed at ``begin``."""
    taken = _slices(x.shape, begin, end, stride, begin_mask, end_mask, squeeze_mask)
    for axis, indices in enumerate(taken):
        x = _take(x, axis, indices)
    if squeeze_mask and any(squeeze_mask):
        x = x.squeeze([axis for axis, drop in enumerate(squeeze_mask) if drop])
    return x


@op("slice_by_size", exact=True)
def slice_by_size(x: Tensor, begin: Ints, size: Ints) -> Tensor:
    """Take ``size`` elements from ``begin`` on; -1 takes all that remain."""
    for axis, (first, count) in enumerate(zip(begin, size, strict=True)):
        first += x.shape[axis] if first < 0 else 0
        x = x.narrow(axis, first, x.shape[axis] - first if count == -1 else count)
    return x


@op("slice_update", since=IOS18, exact=True)
def slice_update(
    x: Tensor,
    update: Tensor,
    begin: Ints,
    end: Ints,
    stride: Ints | None = None,
    begin_mask: Bools | None = None,
    end_mask: Bools | None = None,
    squeeze_mask: Bools | None = None,
) -> Tensor:
    """Return ``x`` with the elements that ``slice_by_index`` would take replaced by ``update``."""
    taken = _slices(x.shape, begin, end, stride, begin_mask, end_mask, squeeze_mask)
    grid = torch.meshgrid(
        *(torch.tensor(list(indices), device=x.device) for indices in taken), indexing="ij"
    )
    return x.index_put(grid, update.to(x.dtype).reshape(grid[0].shape))
