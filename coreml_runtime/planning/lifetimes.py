"""Finds where in a block each value is used for the last time, so that its memory can be freed."""

from ..package import Block, Operation


def last_uses(block: Block, inputs: tuple[str, ...]) -> dict[int, tuple[str, ...]]:
    """Return, for the index of each operation, the names that no later operation reads.

    Names defined outside the block are not among them, except for ``inputs``. The outputs of the
    block stay in use. An index of -1 stands for inputs that no operation reads.
    """
    last: dict[str, int] = dict.fromkeys(inputs, -1)
    for index, operation in enumerate(block.operations):
        for name in _names_read(operation):
            if name in last:
                last[name] = index
        for name, _ in operation.outputs:
            last[name] = index
    for name in block.outputs:
        last.pop(name, None)
    names: dict[int, list[str]] = {}
    for name, index in last.items():
        names.setdefault(index, []).append(name)
    return {index: tuple(group) for index, group in names.items()}


def _names_read(operation: Operation) -> set[str]:
    """Return the names that an operation and its nested blocks read."""
    names = {name for args in operation.inputs.values() for name in args if isinstance(name, str)}
    for block in operation.blocks:
        names.update(block.outputs)
        for inner in block.operations:
            names |= _names_read(inner)
    return names
