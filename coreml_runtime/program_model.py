"""One function of an ML Program as a module."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from .errors import InputError, ProgramError
from .execute import run, run_traced
from .features import Feature
from .model import CoreMLModel, Value
from .state import State
from .steps import Plan, Result


class ProgramModel(CoreMLModel):
    """A planned function. Constants that are tensors are its buffers."""

    def __init__(
        self,
        *,
        plan: Plan,
        inputs: tuple[Feature, ...],
        outputs: tuple[Feature, ...],
        states: tuple[Feature, ...],
        functions: tuple[str, ...],
        precision: str,
    ) -> None:
        super().__init__(
            inputs=inputs, outputs=outputs, states=states, functions=functions, precision=precision
        )
        self._plan = plan
        for slot, value in plan.constants.items():
            if isinstance(value, Tensor):
                self.register_buffer(f"constant_{slot}", value)
                plan.constants[slot] = None  # the buffer owns it now
        self._device = torch.device("cpu")
        self._ready()
        _agree("input", inputs, plan.inputs)
        _agree("state", states, plan.states)
        _agree("output", outputs, plan.outputs)
        for feature in states:
            (held,) = getattr(plan.states[feature.name].type, "inner", (None,))
            if getattr(held, "static_shape", None) != feature.shape:
                raise ProgramError(
                    f"state {feature.name!r} is {held}, described as {feature.shape}"
                )

    @property
    def device(self) -> torch.device:
        return self._device

    def _ready(self) -> None:
        """Lay the constants out in the slots that every call starts from."""
        self._template: list[Any] = [None] * self._plan.slots
        for slot, value in self._plan.constants.items():
            self._template[slot] = self._buffers.get(f"constant_{slot}", value)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "ProgramModel":
        probe = fn(torch.zeros(0))
        if probe.dtype != torch.float32:
            raise InputError("a program's constants keep their types: use precision= at load")
        super()._apply(fn, recurse)
        self._device = probe.device
        self._ready()
        return self

    def run(self, tensors: Mapping[str, Tensor], state: State | None) -> dict[str, Value]:
        slots = self._start(tensors, state)
        run(self._plan.body, slots, self._device)
        return {f.name: slots[self._plan.outputs[f.name]] for f in self.outputs}

    def run_traced(
        self, tensors: Mapping[str, Tensor], state: State | None
    ) -> Iterator[tuple[str, Any]]:
        slots = self._start(tensors, state)
        told = set()
        for name, value in run_traced(self._plan.body, slots, self._device):
            told.add(name)
            yield name, value
        for name, slot in self._plan.outputs.items():  # inputs and constants given back as they are
            if name not in told:
                yield name, slots[slot]

    def _start(self, tensors: Mapping[str, Tensor], state: State | None) -> list[Any]:
        slots = self._template.copy()
        for name, result in self._plan.inputs.items():
            if name not in tensors:
                raise InputError(f"optional input {name!r} has no default: give a value")
            slots[result.slot] = _entering(result, tensors[name])
        for name, result in self._plan.states.items():
            assert state is not None, "checked with the inputs"
            slots[result.slot] = state.cells[name]
        return slots


def _entering(result: Result, tensor: Tensor) -> Tensor:
    """An input as the program holds it; a scalar may be given, and described, as one element."""
    shape = getattr(result.type, "shape", None)
    if shape is not None and len(shape) != tensor.dim() and tensor.numel() == 1:
        tensor = tensor.reshape((1,) * len(shape))
    try:
        value: Tensor = result.accept(tensor)
    except ValueError as error:
        raise InputError(f"input {error}") from error
    return value


def _agree(what: str, features: tuple[Feature, ...], have: Mapping[str, object]) -> None:
    for feature in features:
        if feature.name not in have:
            raise ProgramError(f"the program has no {what} {feature.name!r}")
