"""The names of a function while it is planned: their slots, and constants decoded on demand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..errors import ProgramError
from ..package import Constant, Package, constant_value

Binding = str | Constant


@dataclass(slots=True)
class _Entry:
    """A name: a variable has a slot; a constant has a value, and a slot once an op reads one."""

    slot: int | None
    value: Any = None

    @property
    def is_variable(self) -> bool:
        return self.value is None


class NameScope:
    """The names that are visible at one point of a program.

    ``constants`` maps slots that never change to their values; ``slot_count`` is the number of
    slots in use.
    """

    def __init__(self, package: Package) -> None:
        self._package = package
        self._entries: dict[str, _Entry] = {}
        self._order: list[str] = []
        self.constants: dict[int, Any] = {}
        self.slot_count = 0

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Forget the names defined inside at the end, so that blocks may use the same ones."""
        before = len(self._order)
        yield
        for name in self._order[before:]:
            del self._entries[name]
        del self._order[before:]

    def add_variable(self, name: str) -> int:
        """Define a name whose value a step computes; return its slot."""
        slot = self._new_slot()
        self._define(name, _Entry(slot))
        return slot

    def add_constant(self, name: str, value: Any) -> None:
        """Define a name whose value is known; a :class:`Constant` is decoded when it is needed."""
        self._define(name, _Entry(None, value))

    def _define(self, name: str, entry: _Entry) -> None:
        if name in self._entries:
            raise ProgramError(f"{name!r} is defined twice")
        self._entries[name] = entry
        self._order.append(name)

    def is_variable(self, binding: Binding) -> bool:
        """Return whether an argument is known only at run time."""
        return isinstance(binding, str) and self._entry(binding).is_variable

    def value(self, binding: Binding) -> Any:
        """Return the decoded value of a constant argument."""
        if isinstance(binding, Constant):
            return constant_value(binding, self._package)
        entry = self._entry(binding)
        if isinstance(entry.value, Constant):
            entry.value = constant_value(entry.value, self._package)
        return entry.value

    def slot(self, binding: Binding) -> int:
        """Return the slot from which a step reads an argument; a constant is stored in one."""
        if isinstance(binding, Constant):
            return self._store(self.value(binding))
        entry = self._entry(binding)
        if entry.slot is None:
            entry.slot = self._store(self.value(binding))
        return entry.slot

    def tensor_slot(self, binding: Binding) -> int:
        """Return the slot of an argument that has to be a tensor.

        Raises:
            ProgramError: The argument is a constant and not a tensor.
        """
        slot = self.slot(binding)
        if slot in self.constants and not isinstance(self.constants[slot], Tensor):
            raise ProgramError(f"{binding!r} is not a tensor")
        return slot

    def variable_slots(self, names: tuple[str, ...]) -> tuple[int, ...]:
        """Return the slots of those names that are variables."""
        entries = (self._entries.get(name) for name in names)
        return tuple(
            entry.slot
            for entry in entries
            if entry and entry.is_variable and entry.slot is not None
        )

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise ProgramError(f"{name!r} is used before it is defined")
        return self._entries[name]

    def _new_slot(self) -> int:
        self.slot_count += 1
        return self.slot_count - 1

    def _store(self, value: Any) -> int:
        slot = self._new_slot()
        self.constants[slot] = value
        return slot
