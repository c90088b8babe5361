"""Values of a program that are no tensors: lists and states."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class MilList:
    """MIL's list of tensors of one shape; a write gives a new list. None was never written."""

    items: tuple[Tensor | None, ...]
    dynamic: bool = True
    shape: tuple[int, ...] | None = None  # of the elements, where it is known

    def read(self, index: int) -> Tensor:
        """Raises IndexError outside the list, ValueError for what was never written."""
        if not 0 <= index < len(self.items):
            raise IndexError(f"index {index} of a list of {len(self.items)}")
        item = self.items[index]
        if item is None:
            raise ValueError(f"element {index} of the list was never written")
        return item

    def write(self, index: int, value: Tensor) -> "MilList":
        """With ``value`` at ``index``; a dynamic list grows up to it."""
        items = list(self.items)
        if index < 0 or (index >= len(items) and not self.dynamic):
            raise IndexError(f"index {index} of a list of {len(items)}")
        if index >= MAX_LENGTH:
            raise IndexError(f"a list of more than {MAX_LENGTH} elements")
        items += [None] * (index + 1 - len(items))
        items[index] = value
        return MilList(tuple(items), self.dynamic, self.shape)


MAX_LENGTH = 1 << 20


@dataclass(slots=True)
class StateCell:
    """What a state input holds: ``read_state`` reads it, ``write_state`` replaces it."""

    value: Tensor
