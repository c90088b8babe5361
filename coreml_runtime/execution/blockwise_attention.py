"""Attention computed in blocks of rows, so that the scores never exist as a whole.

Run one op at a time, the scores at the first level of Stable Diffusion's UNet are a gigabyte that
is written and read five times. Here a few rows pass through ``matmul``, ``softmax`` and ``matmul``
while they are in the CPU's cache, and each result is rounded as the program declares. Sums may be
taken in another order than op by op; nothing else differs. Where nothing is to be rounded,
PyTorch's fused attention computes the same.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..package import TensorType
from ..planning import AttentionStep, OpStep, fits_shape

_MIN_SCORES = 1 << 20  # fewer scores fit into the cache as a whole
_BLOCK_MATRICES = 2  # matrices in a block, to keep two cores busy
_BLOCK_SCORES = 1 << 18  # scores of each matrix in a block: a megabyte


def run_blockwise(step: AttentionStep, slots: list[Any]) -> bool:
    """Run ``step`` in blocks, store its result, and free what it has read.

    Returns False, without doing anything, where the three ops have to run one by one: gradients are
    needed, there are few scores, the tensors are not on the CPU, or they are not plain matrices.
    """
    parts = tuple(part for part in step.parts.steps if isinstance(part, OpStep))
    operands = _operands(parts, slots)
    if operands is None:
        return False
    query, key, values = (one.reshape(-1, *one.shape[-2:]) for one in operands)
    if step.rounds or key.shape[-1] != values.shape[-1]:
        output = _in_blocks(parts, query, key, values)
    else:
        stacks = query[None], key[None], values[None]  # the fast kernel takes four axes
        output = F.scaled_dot_product_attention(*stacks, scale=1.0)
    result = parts[-1].results[0]
    shape = (*operands[0].shape[:-1], values.shape[-1])
    slots[result.slot] = result.accept(output.reshape(shape))
    for part in parts:
        for slot in part.frees:
            slots[slot] = None
    return True


def _operands(parts: tuple[OpStep, ...], slots: list[Any]) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return queries (..., L, E), keys (..., S, E) and values (..., S, V).

    Returns None where blocks cannot be used or would not be faster.
    """
    first, softmax, last = parts
    query = _operand(first, "x", slots)
    key = _operand(first, "y", slots)
    values = _operand(last, "y", slots)
    if query is None or key is None or values is None or last.fixed.get("transpose_x"):
        return None
    key = key.mT
    scores = (*query.shape[:-1], key.shape[-2])
    if query.shape[-1] != key.shape[-1] or scores[-1] != values.shape[-2]:
        return None
    if not query.shape[:-2] == key.shape[:-2] == values.shape[:-2]:
        return None
    if math.prod(scores) < _MIN_SCORES:
        return None
    if softmax.fixed.get("axis", -1) not in (-1, query.dim() - 1):
        return None
    declared = [one.results[0].type for one in (first, softmax)]
    if not all(isinstance(one, TensorType) and fits_shape(one, scores) for one in declared):
        return None
    return query, key, values


def _operand(step: OpStep, parameter: str, slots: list[Any]) -> Tensor | None:
    """Return a factor of a ``matmul``, transposed as its parameters say.

    Returns None unless it is a float32 stack of matrices on the CPU that needs no gradient.
    """
    (source,) = (read.source for read in step.reads if read.parameter == parameter)
    value = slots[source] if isinstance(source, int) else None
    if not isinstance(value, Tensor) or value.dim() < 2 or value.dtype != torch.float32:
        return None
    if value.device.type != "cpu" or (torch.is_grad_enabled() and value.requires_grad):
        return None
    return value.mT if step.fixed.get(f"transpose_{parameter}") else value


def _in_blocks(parts: tuple[OpStep, ...], query: Tensor, key: Tensor, values: Tensor) -> Tensor:
    """Compute attention of ``query`` (N, L, E), ``key`` (N, S, E) and ``values`` (N, S, V).

    Returns (N, L, V), rounded as the three ops declare.
    """
    cast_scores, cast_weights, cast_output = (part.results[0].cast for part in parts)
    assert cast_scores and cast_weights and cast_output, "results of these ops are tensors"
    output = query.new_empty(*query.shape[:2], values.shape[-1])
    rows = max(1, _BLOCK_SCORES // key.shape[1])
    for first in range(0, len(query), _BLOCK_MATRICES):
        stack = slice(first, first + _BLOCK_MATRICES)
        for begin in range(0, query.shape[1], rows):
            scores = cast_scores(torch.bmm(query[stack, begin : begin + rows], key[stack].mT))
            weights = cast_weights(torch.softmax(scores, -1))
            output[stack, begin : begin + rows] = cast_output(torch.bmm(weights, values[stack]))
    return output
