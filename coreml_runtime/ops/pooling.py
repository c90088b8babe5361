"""Pooling, with one to three spatial axes (MIL's section ``pool``)."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .registry import Ints, op
from .spatial_padding import flat_for_torch, spatial_pads

_MAX: dict[int, Callable[..., Tensor]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE: dict[int, Callable[..., Tensor]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def _pads(
    x: Tensor, kernel: Ints, strides: Ints, pad_type: str, pad: Ints | None, ceil_mode: bool
) -> tuple[tuple[int, int], ...]:
    """Return (before, after) for each axis, so that a pool without padding gives the result.

    With ``ceil_mode`` the last window may extend beyond the end, unless it would begin beyond the
    input and its padding before. The pad after grows by that excess.
    """
    sizes = x.shape[2:]
    pads = spatial_pads(pad_type, pad, sizes, kernel, strides, (1,) * len(sizes))
    if not ceil_mode:
        return pads
    grown = []
    for size, width, stride, (before, after) in zip(sizes, kernel, strides, pads, strict=True):
        count = -(-(size + before + after - width) // stride) + 1
        if (before or after) and (count - 1) * stride >= size + before:
            count -= 1
        excess = (count - 1) * stride + width - (size + before + after)
        grown.append((before, after + excess))
    return tuple(grown)


def _padded(x: Tensor, pads: Sequence[tuple[int, int]], value: float) -> Tensor:
    return F.pad(x, flat_for_torch(pads), value=value) if any(map(any, pads)) else x


@op("max_pool", exact=True)
def max_pool(
    x: Tensor,
    kernel_sizes: Ints,
    pad_type: str,
    strides: Ints | None = None,
    pad: Ints | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    strides = strides or (1,) * len(kernel_sizes)
    pads = _pads(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    return _MAX[x.dim() - 2](_padded(x, pads, -math.inf), kernel_sizes, strides)


@op("avg_pool")
def avg_pool(
    x: Tensor,
    kernel_sizes: Ints,
    pad_type: str,
    strides: Ints | None = None,
    pad: Ints | None = None,
    exclude_padding_from_average: bool = False,
    ceil_mode: bool = False,
) -> Tensor:
    """Average each window.

    The padding counts as elements of the average unless ``exclude_padding_from_average`` is set.
    What ``ceil_mode`` adds beyond the padding never counts.
    """
    strides = strides or (1,) * len(kernel_sizes)
    run = _AVERAGE[x.dim() - 2]
    pads = _pads(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    mean = run(_padded(x, pads, 0.0), kernel_sizes, strides)
    counted = ((0, 0),) * len(kernel_sizes)
    if not exclude_padding_from_average:
        ones = (1,) * len(kernel_sizes)
        counted = spatial_pads(pad_type, pad, x.shape[2:], kernel_sizes, strides, ones)
        if not ceil_mode:
            return mean
    if counted == pads:
        return mean
    weight = _padded(torch.ones_like(x[:1, :1]), counted, 1.0)
    rest = [(p[0] - c[0], p[1] - c[1]) for p, c in zip(pads, counted, strict=True)]
    return mean / run(_padded(weight, rest, 0.0), kernel_sizes, strides)


@op("l2_pool")
def l2_pool(
    x: Tensor,
    kernel_sizes: Ints,
    pad_type: str,
    strides: Ints | None = None,
    pad: Ints | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the square root of the sum of squares of each window."""
    strides = strides or (1,) * len(kernel_sizes)
    pads = _pads(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    mean = _AVERAGE[x.dim() - 2](_padded(x * x, pads, 0.0), kernel_sizes, strides)
    return torch.sqrt(mean * math.prod(kernel_sizes))
