"""The values of a program that are not tensors: lists and states."""

from dataclasses import dataclass, replace

from torch import Tensor

MAX_LENGTH = 1 << 20
"""The largest number of elements that a list may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MilList:
    """MIL's list of tensors of one shape. It is immutable: writing returns a new list.

    An item of None was never written. Reading it returns ``blank``, which is None where the shape
    of the elements is not known.
    """

    items: tuple[Tensor | None, ...]
    dynamic: bool
    blank: Tensor | None

    def read(self, index: int) -> Tensor:
        """Return the element at ``index``.

        Raises:
            IndexError: The index lies outside the list.
            ValueError: The element was never written and its shape is not known.
        """
        if not 0 <= index < len(self.items):
            raise IndexError(f"index {index} of a list of {len(self.items)}")
        item = self.items[index]
        if item is None:
            item = self.blank
        if item is None:
            raise ValueError(f"element {index} of the list was never written")
        return item

    def write(self, index: int, value: Tensor) -> "MilList":
        """Return a list with ``value`` at ``index``; a dynamic list grows as far as needed.

        Raises:
            IndexError: The index lies outside a list of fixed length, or beyond ``MAX_LENGTH``.
        """
        if not 0 <= index < (MAX_LENGTH if self.dynamic else len(self.items)):
            raise IndexError(f"index {index} of a list of {len(self.items)}")
        items = list(self.items)
        items += [None] * (index + 1 - len(items))
        items[index] = value
        return replace(self, items=tuple(items))


@dataclass(slots=True)
class StateCell:
    """The current value of one state: ``read_state`` reads it and ``write_state`` replaces it."""

    value: Tensor
