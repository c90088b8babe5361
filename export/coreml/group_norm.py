"""One rewrite: group normalisation without a tensor of rank 5.

coremltools writes `group_norm` of (N,C,H,W) as

    reshape (N,G,C/G,H,W) -> reduce_mean, sub, square, reduce_mean, add, sqrt, real_div
    -> reshape (N,C,H,W) -> mul, add

The Neural Engine takes tensors up to rank 4, and in fp16 each step in between rounds. A group is
just a channel that is C/G times as tall, so the same is

    reshape (N,G,C/G·H,W) -> instance_norm -> reshape (N,C,H,W) -> batch_norm

Group normalisation: arXiv 1803.08494, equation 7. What it leaves alone: shapes that are not static,
which go to coremltools' own conversion.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 (the library's own spelling)
from coremltools.converters.mil.frontend.torch import ops as torch_ops
from coremltools.converters.mil.mil.types.symbolic import any_symbolic


@contextmanager
def low_rank_group_norm() -> Iterator[None]:
    """While open, conversions in this process write group normalisation as above."""
    original = torch_ops._group_norm_impl

    def convert(x: Any, num_groups: int, weight: Any, bias: Any, eps: float) -> Any:
        if any_symbolic(x.shape):
            return original(x, num_groups, weight, bias, eps)
        return group_norm(x, num_groups, weight, bias, eps)

    torch_ops._group_norm_impl = convert
    try:
        yield
    finally:
        torch_ops._group_norm_impl = original


def group_norm(x: Any, num_groups: int, weight: Any, bias: Any, eps: float) -> Any:
    """MIL for group normalisation of `x` (N,C,...), static; scale and shift (C,) or None."""
    n, channels, *space = x.shape
    depth = channels // num_groups
    grouped: tuple[int, ...]
    if len(space) == 2:
        grouped = (n, num_groups, depth * space[0], space[1])
    else:
        grouped = (n, num_groups, depth * math.prod(space))
    normal = mb.instance_norm(x=mb.reshape(x=x, shape=grouped), epsilon=eps)
    result = mb.reshape(x=normal, shape=x.shape)
    # Scale and shift are per channel, the normalisation per group: they stay outside it.
    return _scale_and_shift(result, weight, bias)


def _scale_and_shift(x: Any, weight: Any, bias: Any) -> Any:
    """`x·weight + bias` per channel of `x` (N,C,...), either of them None for none."""
    if weight is None and bias is None:
        return x
    channels = x.shape[1]
    scale = np.ones(channels, np.float32) if weight is None else weight.val
    shift = np.zeros(channels, np.float32) if bias is None else bias.val
    if scale is None or shift is None or x.rank < 3:
        per_channel = (1, channels, *(1 for _ in x.shape[2:]))
        if weight is not None:
            x = mb.mul(x=x, y=mb.reshape(x=weight, shape=per_channel))
        return x if bias is None else mb.add(x=x, y=mb.reshape(x=bias, shape=per_channel))
    # coremltools would fuse a multiplication and an addition into this very operation, but with the
    # default epsilon, which makes the scale 5e-6 too small.
    mean, variance = np.zeros(channels, np.float32), np.ones(channels, np.float32)
    return mb.batch_norm(
        x=x, mean=mean, variance=variance, gamma=scale, beta=shift, epsilon=np.float32(0)
    )
