"""Ops that move, join, cut and repeat values without computing any."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .registry import IOS16, IOS17, IOS18, Bools, Ints, Tensors, op


@op("reshape", exact=True)
def reshape(x: Tensor, shape: Ints) -> Tensor:
    """A 0 keeps the size of the same axis of ``x``."""
    if 0 in shape and x.numel() and len(shape) == x.dim():
        shape = tuple(size or x.shape[axis] for axis, size in enumerate(shape))
    return x.reshape(shape)


@op("reshape", since=IOS17, exact=True)
def reshape_from_the_right(x: Tensor, shape: Ints) -> Tensor:
    """A 0 keeps the size of the axis of ``x`` at the same place counted from the right."""
    if 0 in shape and x.numel():
        own = (1,) * len(shape) + tuple(x.shape)
        shape = tuple(size or own[i - len(shape)] for i, size in enumerate(shape))
    return x.reshape(shape)


@op("reshape_like", since=IOS16, exact=True)
def reshape_like(
    x: Tensor, ref_tensors: Tensors, begins: Ints, ends: Ints, end_masks: Bools
) -> Tensor:
    shape: list[int] = []
    for tensor, begin, end, mask in zip(ref_tensors, begins, ends, end_masks, strict=True):
        shape += tensor.shape[begin:] if mask else tensor.shape[begin:end]
    return x.reshape(shape)


@op("expand_dims", exact=True)
def expand_dims(x: Tensor, axes: Ints) -> Tensor:
    """``axes`` are places in the result."""
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


@op("squeeze", exact=True)
def squeeze(x: Tensor, axes: Ints | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(axes)


@op("transpose", exact=True)
def transpose(x: Tensor, perm: Ints) -> Tensor:
    return x.permute(perm)


@op("flatten2d", exact=True)
def flatten2d(x: Tensor, axis: int = 1) -> Tensor:
    axis = axis % x.dim() if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@op("concat", exact=True)
def concat(values: Tensors, axis: int, interleave: bool = False) -> Tensor:
    """Interleaved, the first elements of all values come first, then the second ones, …"""
    if not interleave:
        return torch.cat(values, axis)
    axis %= values[0].dim()
    return torch.stack(values, axis + 1).flatten(axis, axis + 1)


@op("stack", exact=True)
def stack(values: Tensors, axis: int) -> Tensor:
    return torch.stack(values, axis)


@op("split", exact=True)
def split(
    x: Tensor, axis: int, num_splits: int | None = None, split_sizes: Ints | None = None
) -> Tensors:
    if split_sizes is not None:
        return torch.split(x, list(split_sizes), axis)
    if not num_splits or x.shape[axis] % num_splits:
        raise ValueError(f"{x.shape[axis]} elements do not split into {num_splits} equal parts")
    return torch.split(x, x.shape[axis] // num_splits, axis)


def _slices(
    shape: Sequence[int],
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int] | None,
    begin_mask: Sequence[bool] | None,
    end_mask: Sequence[bool] | None,
    squeeze_mask: Sequence[bool] | None,
) -> list[range]:
    """The elements taken of each axis; a squeezed axis takes one."""
    ranges = []
    for axis, size in enumerate(shape):
        first = None if begin_mask and begin_mask[axis] else begin[axis]
        last = None if end_mask and end_mask[axis] else end[axis]
        step = stride[axis] if stride else 1
        if squeeze_mask and squeeze_mask[axis]:
            place = first or 0
            place += size if place < 0 else 0
            ranges.append(range(place, place + 1))
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
    # torch has no slices with a negative step.
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
    """Python's slicing; a mask drops that bound, a squeezed axis is indexed at ``begin``."""
    taken = _slices(x.shape, begin, end, stride, begin_mask, end_mask, squeeze_mask)
    for axis, places in enumerate(taken):
        x = _take(x, axis, places)
    if squeeze_mask and any(squeeze_mask):
        x = x.squeeze([axis for axis, drop in enumerate(squeeze_mask) if drop])
    return x


@op("slice_by_size", exact=True)
def slice_by_size(x: Tensor, begin: Ints, size: Ints) -> Tensor:
    """``size`` elements from ``begin``; -1 takes all that are left."""
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
    taken = _slices(x.shape, begin, end, stride, begin_mask, end_mask, squeeze_mask)
    grid = torch.meshgrid(
        *(torch.tensor(list(places), device=x.device) for places in taken), indexing="ij"
    )
    return x.index_put(grid, update.to(x.dtype).reshape(grid[0].shape))


@op("tile", exact=True)
def tile(x: Tensor, reps: Ints) -> Tensor:
    return x.repeat(reps)


@op("reverse", exact=True)
def reverse(x: Tensor, axes: Ints | None = None) -> Tensor:
    return x.flip(axes if axes is not None else tuple(range(x.dim())))


@op("reverse_sequence", exact=True)
def reverse_sequence(x: Tensor, lengths: Tensor, seq_axis: int = 0, batch_axis: int = 0) -> Tensor:
    """The first ``lengths[i]`` elements of sequence ``i`` in reverse, the rest as they are."""
    moved = x.movedim((batch_axis % x.dim(), seq_axis % x.dim()), (0, 1))
    place = torch.arange(moved.shape[1], device=x.device).expand(moved.shape[:2])
    count = lengths.long().unsqueeze(1)
    place = torch.where(place < count, count - 1 - place, place)
    rows = torch.arange(moved.shape[0], device=x.device).unsqueeze(1)
    return moved[rows, place].movedim((0, 1), (batch_axis % x.dim(), seq_axis % x.dim()))


@op("sliding_windows", exact=True)
def sliding_windows(x: Tensor, axis: int, size: int, stride: int = 1) -> Tensor:
    axis %= x.dim()
    return x.unfold(axis, size, stride).movedim(-1, axis + 1)


_MAPPED = ("reflect", "replicate")


@op("pad", exact=True)
def pad(x: Tensor, pad: Ints, mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    """``pad`` holds (before, after) for the last axes, in their order."""
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    if mode == "constant":
        return F.pad(x, [n for pair in reversed(pairs) for n in pair], value=constant_val)
    if mode not in _MAPPED:
        raise ValueError(f"unknown pad mode {mode!r}")
    for axis, (before, after) in enumerate(pairs, x.dim() - len(pairs)):
        if before or after:
            size = x.shape[axis]
            place = torch.arange(-before, size + after, device=x.device)
            if mode == "reflect":
                place = place.abs()
                place = torch.where(place >= size, 2 * (size - 1) - place, place)
            x = x.index_select(axis, place.clamp(0, size - 1))
    return x


@op("crop", exact=True)
def crop(x: Tensor, crop_height: Ints, crop_width: Ints) -> Tensor:
    (top, bottom), (left, right) = crop_height, crop_width
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


@op("pixel_shuffle", exact=True)
def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    return F.pixel_shuffle(x, upscale_factor)


@op("pixel_unshuffle", since=IOS16, exact=True)
def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    return F.pixel_unshuffle(x, downscale_factor)


@op("depth_to_space", exact=True)
def depth_to_space(x: Tensor, block_size: int) -> Tensor:
    """Unlike pixel_shuffle, the place in the block is the slow part of the channel number."""
    n, c, h, w = x.shape
    b = block_size
    blocks = x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(n, c // (b * b), h * b, w * b)


@op("space_to_depth", exact=True)
def space_to_depth(x: Tensor, block_size: int) -> Tensor:
    n, c, h, w = x.shape
    b = block_size
    blocks = x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(n, c * b * b, h // b, w // b)


@op("space_to_batch", exact=True)
def space_to_batch(x: Tensor, block_shape: Ints, paddings: Ints) -> Tensor:
    top, bottom, left, right = paddings
    x = F.pad(x, (left, right, top, bottom))
    n, c, h, w = x.shape
    b, d = block_shape
    blocks = x.reshape(n, c, h // b, b, w // d, d).permute(3, 5, 0, 1, 2, 4)
    return blocks.reshape(n * b * d, c, h // b, w // d)


@op("batch_to_space", exact=True)
def batch_to_space(x: Tensor, block_shape: Ints, crops: Ints) -> Tensor:
    n, c, h, w = x.shape
    b, d = block_shape
    blocks = x.reshape(b, d, n // (b * d), c, h, w).permute(2, 3, 4, 0, 5, 1)
    whole = blocks.reshape(n // (b * d), c, h * b, w * d)
    return crop(whole, crops[:2], crops[2:])
