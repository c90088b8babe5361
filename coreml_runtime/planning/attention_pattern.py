"""Finds attention in a block, which converters write as ``matmul``, ``softmax``, ``matmul``."""

from collections import Counter
from collections.abc import Iterator

from ..package import Block, Operation
from .plan import OpStep

_PATTERN = ("matmul", "softmax", "matmul")


def group_attention(block: Block) -> list[tuple[Operation, ...]]:
    """Return the operations in order; the three of an attention form one group, at its end.

    Only three operations whose intermediate results nothing else reads form such a group. Every
    other operation is a group by itself.
    """
    uses = Counter(block.outputs)
    for operation in block.walk():
        uses.update(_names_read(operation))
        uses.update(name for inner in operation.blocks for name in inner.outputs)
    makers: dict[str, Operation] = {}
    groups: dict[int, tuple[Operation, ...]] = {}
    for operation in block.operations:
        groups[id(operation)] = (operation,)
        chain = _attention_ending_in(operation, makers)
        # The first two must be groups by themselves still, and be read once: by their successor.
        alone = (
            len(groups.get(id(one), ())) == 1 and uses[one.outputs[0][0]] == 1 for one in chain[:2]
        )
        if chain and all(alone):
            for one in chain[:2]:
                del groups[id(one)]
            groups[id(operation)] = chain
        makers |= {name: operation for name, _ in operation.outputs}
    return [groups[id(one)] for one in block.operations if id(one) in groups]


def is_attention(steps: list[OpStep]) -> bool:
    """Return whether steps are those of an attention that reads only tensors at run time."""
    names = [sorted(read.parameter for read in step.reads) for step in steps]
    return names == [["x", "y"], ["x"], ["x", "y"]] and all(len(s.results) == 1 for s in steps)


def _names_read(operation: Operation) -> Iterator[str]:
    return (name for bound in operation.inputs.values() for name in bound if isinstance(name, str))


def _attention_ending_in(last: Operation, makers: dict[str, Operation]) -> tuple[Operation, ...]:
    """Return the three operations of the attention that ends in ``last``, or () if none does."""
    chain = [last]
    for _ in _PATTERN[1:]:
        bound = chain[0].inputs.get("x", ())
        maker = makers.get(bound[0]) if len(bound) == 1 and isinstance(bound[0], str) else None
        if maker is None or len(maker.outputs) != 1:
            return ()
        chain.insert(0, maker)
    return tuple(chain) if tuple(one.type for one in chain) == _PATTERN else ()
