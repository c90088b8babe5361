"""Reductions (MIL's section ``reduction``).

Without ``axes`` they reduce over all axes; over an empty list of them, each element by itself.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .registry import IOS17, Ints, op


def _reduction(
    name: str, function: Callable[[Tensor, list[int], bool], Tensor], *, exact: bool = False
) -> None:
    @op(name, exact=exact)
    def reduce(x: Tensor, axes: Ints | None = None, keep_dims: bool = False) -> Tensor:
        over = list(axes) if axes is not None else list(range(x.dim()))
        if not over:  # for torch, no axes are all axes; so it gets one, and no other is reduced
            return function(x.unsqueeze(0), [0], False)
        return function(x, over, keep_dims)


def _mean(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    return torch.mean(x if x.is_floating_point() else x.double(), axes, keep)


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted((axis % x.dim() for axis in axes), reverse=True):
        x = torch.prod(x, axis, keepdim=keep)
    return x


def _log_sum_exp(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    return torch.logsumexp(x if x.is_floating_point() else x.double(), axes, keep)


_reduction("reduce_l1_norm", lambda x, axes, keep: torch.sum(x.abs(), axes, keep))
_reduction("reduce_l2_norm", lambda x, axes, keep: torch.sqrt(torch.sum(x * x, axes, keep)))
_reduction("reduce_log_sum", lambda x, axes, keep: torch.log(torch.sum(x, axes, keep)))
_reduction("reduce_log_sum_exp", _log_sum_exp)
_reduction("reduce_max", lambda x, axes, keep: torch.amax(x, axes, keep), exact=True)
_reduction("reduce_mean", _mean)
_reduction("reduce_min", lambda x, axes, keep: torch.amin(x, axes, keep), exact=True)
_reduction("reduce_prod", _product)
_reduction("reduce_sum", lambda x, axes, keep: torch.sum(x, axes, keep))
_reduction("reduce_sum_square", lambda x, axes, keep: torch.sum(x * x, axes, keep))


@op("reduce_argmax", exact=True)
def reduce_argmax(x: Tensor, axis: int = -1, keep_dims: bool = False) -> Tensor:
    return torch.argmax(x, axis, keep_dims)


@op("reduce_argmin", exact=True)
def reduce_argmin(x: Tensor, axis: int = -1, keep_dims: bool = False) -> Tensor:
    return torch.argmin(x, axis, keep_dims)


@op("reduce_argmax", since=IOS17, exact=True)
def reduce_argmax_typed(
    x: Tensor, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32"
) -> Tensor:
    return torch.argmax(x, axis, keep_dims)


@op("reduce_argmin", since=IOS17, exact=True)
def reduce_argmin_typed(
    x: Tensor, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32"
) -> Tensor:
    return torch.argmin(x, axis, keep_dims)
