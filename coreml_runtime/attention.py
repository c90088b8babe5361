"""Attention by blocks: a product, a softmax and a product that never lie whole in memory.

Converters write attention as ``matmul``, ``softmax``, ``matmul``. One by one, the scores of the
first level of Stable Diffusion's UNet are a gigabyte that is written and read five times. Here a
few rows pass through all three ops, each rounded as the program declares, while they are in the
processor's cache. Sums may be taken in another order than op by op; nothing else differs. With
nothing to round, PyTorch's own fused attention does the same.
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .program import Block, Operation, TensorType
from .steps import Attention, Step, fits_shape

_KINDS = ("matmul", "softmax", "matmul")
_LARGE = 1 << 20  # scores; fewer fit into the cache as they are
_MATRICES, _SCORES = 2, 1 << 18  # in a block: one matrix a core, and a megabyte of each


def grouped(block: Block) -> list[tuple[Operation, ...]]:
    """The block's operations in order, but for those of an attention: together, where it ends."""
    uses = Counter(block.outputs)
    for operation in block.walk():
        uses.update(_reads(operation))
        uses.update(name for inner in operation.blocks for name in inner.outputs)
    makers: dict[str, Operation] = {}
    groups: dict[int, tuple[Operation, ...]] = {}
    for operation in block.operations:
        groups[id(operation)] = (operation,)
        chain = _chain(operation, makers)
        alone = (
            len(groups.get(id(one), ())) == 1 and uses[one.outputs[0][0]] == 1 for one in chain[:2]
        )
        if chain and all(alone):
            for one in chain[:2]:
                del groups[id(one)]
            groups[id(operation)] = chain
        makers |= {name: operation for name, _ in operation.outputs}
    return [groups[id(one)] for one in block.operations if id(one) in groups]


def _reads(operation: Operation) -> Iterator[str]:
    return (name for bound in operation.inputs.values() for name in bound if isinstance(name, str))


def _chain(last: Operation, makers: dict[str, Operation]) -> tuple[Operation, ...]:
    """The ops of the attention that ends in ``last``; none where it is no such end."""
    chain = [last]
    for _ in _KINDS[1:]:
        bound = chain[0].inputs.get("x", ())
        maker = makers.get(bound[0]) if len(bound) == 1 and isinstance(bound[0], str) else None
        if maker is None or len(maker.outputs) != 1:
            return ()
        chain.insert(0, maker)
    return tuple(chain) if tuple(one.type for one in chain) == _KINDS else ()


def can_join(steps: list[Step]) -> bool:
    """Whether these are the steps of an attention that read nothing but tensors at run time."""
    names = [sorted(name for name, _, _ in step.reads) for step in steps]
    return names == [["x", "y"], ["x"], ["x", "y"]] and all(len(s.results) == 1 for s in steps)


def attend(step: Attention, slots: list[Any]) -> bool:
    """Run ``step`` by blocks and free what it read; False, and nothing done, where its ops should
    run one by one: gradients are wanted, it is small, not on the CPU, or not of plain matrices."""
    parts = tuple(part for part in step.parts.steps if isinstance(part, Step))
    given = _operands(parts, slots)
    if given is None:
        return False
    query, key, values = (one.reshape(-1, *one.shape[-2:]) for one in given)
    if step.rounds or key.shape[-1] != values.shape[-1]:
        made = _by_blocks(parts, query, key, values)
    else:
        stacks = query[None], key[None], values[None]  # its fast form takes four axes
        made = F.scaled_dot_product_attention(*stacks, scale=1.0)
    result = parts[-1].results[0]
    shape = (*given[0].shape[:-1], values.shape[-1])
    slots[result.slot] = result.accept(made.reshape(shape))
    for part in parts:
        for slot in part.frees:
            slots[slot] = None
    return True


def _operands(parts: tuple[Step, ...], slots: list[Any]) -> tuple[Tensor, Tensor, Tensor] | None:
    """Queries (…, L, E), keys (…, K, E) and values (…, K, V), where blocks of them would do."""
    first, middle, last = parts
    query, key, values = (
        _operand(first, "x", slots),
        _operand(first, "y", slots),
        _operand(last, "y", slots),
    )
    if query is None or key is None or values is None or last.fixed.get("transpose_x"):
        return None
    key = key.mT
    scores = (*query.shape[:-1], key.shape[-2])
    if query.shape[-1] != key.shape[-1] or scores[-1] != values.shape[-2]:
        return None
    if not query.shape[:-2] == key.shape[:-2] == values.shape[:-2]:
        return None
    if math.prod(scores) < _LARGE or middle.fixed.get("axis", -1) not in (-1, query.dim() - 1):
        return None
    declared = [one.results[0].type for one in (first, middle)]
    if not all(isinstance(one, TensorType) and fits_shape(one, scores) for one in declared):
        return None
    return query, key, values


def _operand(step: Step, name: str, slots: list[Any]) -> Tensor | None:
    """A factor, transposed as it says; None if it is no stack of matrices to do without."""
    (source,) = (source for read, source, _ in step.reads if read == name)
    value = slots[source] if isinstance(source, int) else None
    if not isinstance(value, Tensor) or value.dim() < 2 or value.dtype != torch.float32:
        return None
    if value.device.type != "cpu" or (torch.is_grad_enabled() and value.requires_grad):
        return None
    return value.mT if step.fixed.get(f"transpose_{name}") else value


def _by_blocks(parts: tuple[Step, ...], query: Tensor, key: Tensor, values: Tensor) -> Tensor:
    """``query`` (N, L, E), ``key`` (N, K, E), ``values`` (N, K, V); returns (N, L, V), rounded."""
    finish_scores, finish_weights, finish = (part.results[0].finish for part in parts)
    assert finish_scores and finish_weights and finish, "results of these ops are tensors"
    made = query.new_empty(*query.shape[:2], values.shape[-1])
    rows = max(1, _SCORES // key.shape[1])
    for place in range(0, len(query), _MATRICES):
        some = slice(place, place + _MATRICES)
        for begin in range(0, query.shape[1], rows):
            scores = finish_scores(torch.bmm(query[some, begin : begin + rows], key[some].mT))
            weights = finish_weights(torch.softmax(scores, -1))
            made[some, begin : begin + rows] = finish(torch.bmm(weights, values[some]))
    return made
