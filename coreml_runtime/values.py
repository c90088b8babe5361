"""Values of a program that are no tensors: lists and states."""

from dataclasses import dataclass, replace

from torch import Tensor

MAX_LENGTH = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MilList:
    """MIL's list of tensors of one shape; a write gives a new list.

    None was never written and is read as ``blank``, where the elements' shape is known.
    """

    items: tuple[Tensor | None, ...]
    dynamic: bool
    blank: Tensor | None

    def read(self, index: int) -> Tensor:
        """Raises IndexError outside the list, ValueError for a blank of unknown shape."""
        if not 0 <= index < len(self.items):
            raise IndexError(f"index {index} of a list of {len(self.items)}")
        item = self.items[index]
        if item is None:
            item = self.blank
        if item is None:
            raise ValueError(f"element {index} of the list was never written")
        return item

    def write(self, index: int, value: Tensor) -> "MilList":
        """With ``value`` at ``index``; a dynamic list grows up to it."""
        if not 0 <= index < (MAX_LENGTH if self.dynamic else len(self.items)):
            raise IndexError(f"index {index} of a list of {len(self.items)}")
        items = list(self.items)
        items += [None] * (index + 1 - len(items))
        items[index] = value
        return replace(self, items=tuple(items))


@dataclass(slots=True)
class StateCell:
    """What a state input holds: ``read_state`` reads it, ``write_state`` replaces it."""

    value: Tensor
