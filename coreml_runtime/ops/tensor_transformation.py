"""Ops that move, join, split, pad and repeat values without computing new ones.

MIL's sections ``tensor_transformation`` and ``tensor_operation``.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .registry import IOS16, IOS17, Bools, Ints, Tensors, op


@op("reshape", exact=True)
def reshape(x: Tensor, shape: Ints) -> Tensor:
    """Reshape; a 0 keeps the size of the same axis of ``x``."""
    if 0 in shape and x.numel() and len(shape) == x.dim():
        shape = tuple(size or x.shape[axis] for axis, size in enumerate(shape))
    return x.reshape(shape)


@op("reshape", since=IOS17, exact=True)
def reshape_from_the_right(x: Tensor, shape: Ints) -> Tensor:
    """Reshape; a 0 keeps the size of the axis of ``x`` with the same index from the right."""
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
    """Insert axes of size 1; ``axes`` are the indices of the new axes in the result."""
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
    """Join along ``axis``; interleaved, the first elements of all values come first, and so on.

    Scalars, which have no axis, become the elements of a vector.
    """
    if values[0].dim() == 0:
        return torch.stack(values)
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


@op("tile", exact=True)
def tile(x: Tensor, reps: Ints) -> Tensor:
    return x.repeat(reps)


@op("reverse", exact=True)
def reverse(x: Tensor, axes: Ints | None = None) -> Tensor:
    return x.flip(axes if axes is not None else tuple(range(x.dim())))


@op("reverse_sequence", exact=True)
def reverse_sequence(x: Tensor, lengths: Tensor, seq_axis: int = 0, batch_axis: int = 0) -> Tensor:
    """Reverse the first ``lengths[i]`` elements of sequence i and keep the rest."""
    moved = x.movedim((batch_axis % x.dim(), seq_axis % x.dim()), (0, 1))
    index = torch.arange(moved.shape[1], device=x.device).expand(moved.shape[:2])
    count = lengths.long().unsqueeze(1)
    index = torch.where(index < count, count - 1 - index, index)
    rows = torch.arange(moved.shape[0], device=x.device).unsqueeze(1)
    return moved[rows, index].movedim((0, 1), (batch_axis % x.dim(), seq_axis % x.dim()))


@op("sliding_windows", exact=True)
def sliding_windows(x: Tensor, axis: int, size: int, stride: int = 1) -> Tensor:
    axis %= x.dim()
    return x.unfold(axis, size, stride).movedim(-1, axis + 1)


@op("pad", exact=True)
def pad(x: Tensor, pad: Ints, mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    """Pad the last axes; ``pad`` holds (before, after) for each of them, in their order."""
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    if mode == "constant":
        return F.pad(x, [n for pair in reversed(pairs) for n in pair], value=constant_val)
    if mode not in ("reflect", "replicate"):
        raise ValueError(f"unknown pad mode {mode!r}")
    for axis, (before, after) in enumerate(pairs, x.dim() - len(pairs)):
        if before or after:
            size = x.shape[axis]
            index = torch.arange(-before, size + after, device=x.device)
            if mode == "reflect":
                index = index.abs()
                index = torch.where(index >= size, 2 * (size - 1) - index, index)
            x = x.index_select(axis, index.clamp(0, size - 1))
    return x


@op("crop", exact=True)
def crop(x: Tensor, crop_height: Ints, crop_width: Ints) -> Tensor:
    (top, bottom), (left, right) = crop_height, crop_width
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]
