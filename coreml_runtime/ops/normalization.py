"""Normalization (MIL's section ``normalization``)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .registry import Ints, op


@op("batch_norm")
def batch_norm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    return F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, epsilon)


@op("instance_norm")
def instance_norm(
    x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, epsilon: float = 1e-5
) -> Tensor:
    """Normalize each channel of each sample: a group norm with one group for each channel."""
    return torch.group_norm(x, x.shape[1], gamma, beta, epsilon)


@op("layer_norm")
def layer_norm(
    x: Tensor,
    axes: Ints | None = None,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    """Normalize over ``axes`` (by default all); gamma and beta have the shape of those axes."""
    rank = x.dim()
    over = sorted(axis % rank for axis in axes) if axes is not None else list(range(rank))
    if over == list(range(rank - len(over), rank)):
        return F.layer_norm(x, x.shape[rank - len(over) :], gamma, beta, epsilon)
    shape = [x.shape[axis] if axis in over else 1 for axis in range(rank)]
    variance, mean = torch.var_mean(x, over, correction=0, keepdim=True)
    y = (x - mean) * torch.rsqrt(variance + epsilon)
    if gamma is not None:
        y = y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)


@op("l2_norm")
def l2_norm(x: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Divide by the L2 norm over the last three axes together, as MIL's reference does."""
    total = x.square().sum((-3, -2, -1), keepdim=True)
    return x / torch.sqrt(total + epsilon)


@op("local_response_norm")
def local_response_norm(
    x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Normalize over neighbouring channels: the second axis, or the first of a rank-3 tensor.

    The documentation says the second axis for every rank. coremltools' own test of Core ML
    (``test_normalization``) expects the first axis for rank 3, so that is what this does.
    """
    if x.dim() == 3:
        return F.local_response_norm(x.unsqueeze(0), size, alpha, beta, k).squeeze(0)
    return F.local_response_norm(x, size, alpha, beta, k)
