"""The names of a function while it is planned: constants decoded when first needed, and slots."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .constants import constant_value
from .errors import ProgramError
from .package import Package
from .program import Constant

Binding = str | Constant


@dataclass(slots=True)
class _Entry:
    """One name: a variable has a slot, a constant a value, and a slot once an op reads it there."""

    slot: int | None
    value: Any = None

    @property
    def is_variable(self) -> bool:
        return self.value is None


class Scope:
    """Names in force at one place of a program; those of a nested block end with it."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._entries: dict[str, _Entry] = {}
        self._log: list[str] = []
        self.constants: dict[int, Any] = {}  # slots that never change, and what they hold
        self.slots = 0

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Names defined inside are forgotten at the end: blocks may use the same ones."""
        before = len(self._log)
        yield
        for name in self._log[before:]:
            del self._entries[name]
        del self._log[before:]

    def _define(self, name: str, entry: _Entry) -> None:
        if name in self._entries:
            raise ProgramError(f"{name!r} is defined twice")
        self._entries[name] = entry
        self._log.append(name)

    def _new_slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def variable(self, name: str) -> int:
        """A new name whose value a step makes: its slot."""
        slot = self._new_slot()
        self._define(name, _Entry(slot))
        return slot

    def constant(self, name: str, value: Any) -> None:
        """A new name whose value is known now; a :class:`Constant` is decoded when needed."""
        self._define(name, _Entry(None, value))

    def is_variable(self, binding: Binding) -> bool:
        """Whether an argument is only known at run time."""
        return isinstance(binding, str) and self._entry(binding).is_variable

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise ProgramError(f"{name!r} is used before it is defined")
        return self._entries[name]

    def value(self, binding: Binding) -> Any:
        """The decoded value of a constant argument."""
        if isinstance(binding, Constant):
            return constant_value(binding, self._package)
        entry = self._entry(binding)
        if isinstance(entry.value, Constant):
            entry.value = constant_value(entry.value, self._package)
        return entry.value

    def slot(self, binding: Binding) -> int:
        """The slot to read an argument from; a constant moves into one."""
        if isinstance(binding, Constant):
            return self._hold(self.value(binding))
        entry = self._entry(binding)
        if entry.slot is None:
            entry.slot = self._hold(self.value(binding))
        return entry.slot

    def _hold(self, value: Any) -> int:
        slot = self._new_slot()
        self.constants[slot] = value
        return slot

    def tensor_slot(self, binding: Binding) -> int:
        """The same, for an argument that has to be a tensor."""
        slot = self.slot(binding)
        if not isinstance(self.constants.get(slot, _ANY), Tensor):
            raise ProgramError(f"{binding!r} is not a tensor")
        return slot

    def variable_slots(self, names: tuple[str, ...]) -> tuple[int, ...]:
        """The slots of those names that are variables."""
        entries = (self._entries.get(name) for name in names)
        return tuple(
            entry.slot
            for entry in entries
            if entry and entry.is_variable and entry.slot is not None
        )


_ANY = Tensor()
