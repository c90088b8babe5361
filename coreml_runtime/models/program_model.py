"""A function of an ML Program as a model."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, ProgramError
from ..execution import run, run_traced
from ..package import Feature
from ..planning import Plan, PlannedValue
from .core_ml_model import CoreMLModel, Value
from .state import State


class ProgramModel(CoreMLModel):
    """A planned function. Its constants that are tensors are the buffers of the module.

    Raises:
        ProgramError: The declared features are not those of the program.
    """

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
                plan.constants[slot] = None  # the buffer is its only owner now
        self._device = torch.device("cpu")
        self._fill_initial_slots()
        _check_features("input", inputs, plan.inputs)
        _check_features("state", states, plan.states)
        _check_features("output", outputs, plan.outputs)
        for feature in states:
            (wrapped,) = getattr(plan.states[feature.name].type, "inner", (None,))
            if getattr(wrapped, "static_shape", None) != feature.shape:
                raise ProgramError(
                    f"state {feature.name!r} is {wrapped}, described as {feature.shape}"
                )

    @property
    def device(self) -> torch.device:
        return self._device

    def _fill_initial_slots(self) -> None:
        """Put the constants into the slots from which every call starts."""
        self._initial_slots: list[Any] = [None] * self._plan.slot_count
        for slot, value in self._plan.constants.items():
            self._initial_slots[slot] = self._buffers.get(f"constant_{slot}", value)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "ProgramModel":
        """Move the constants (``nn.Module.to`` and its relatives); refuse to change their types."""
        probe = fn(torch.zeros(0))
        if probe.dtype != torch.float32:
            raise InputError("a program's constants keep their types: use precision= at load")
        super()._apply(fn, recurse)
        self._device = probe.device
        self._fill_initial_slots()
        return self

    def run(self, tensors: Mapping[str, Tensor], state: State | None) -> dict[str, Value]:
        slots = self._slots_for(tensors, state)
        run(self._plan.body, slots, self._device)
        return {f.name: slots[self._plan.outputs[f.name]] for f in self.outputs}

    def run_traced(
        self, tensors: Mapping[str, Tensor], state: State | None
    ) -> Iterator[tuple[str, Any]]:
        slots = self._slots_for(tensors, state)
        yielded = set()
        for name, value in run_traced(self._plan.body, slots, self._device):
            yielded.add(name)
            yield name, value
        # An output may also be an input or a constant, which no op computes.
        for name, slot in self._plan.outputs.items():
            if name not in yielded:
                yield name, slots[slot]

    def _slots_for(self, tensors: Mapping[str, Tensor], state: State | None) -> list[Any]:
        slots = self._initial_slots.copy()
        for name, planned in self._plan.inputs.items():
            if name not in tensors:
                raise InputError(f"optional input {name!r} has no default: give a value")
            slots[planned.slot] = _accept_input(planned, tensors[name])
        for name, planned in self._plan.states.items():
            assert state is not None, "CoreMLModel has checked the state"
            slots[planned.slot] = state.cells[name]
        return slots


def _accept_input(planned: PlannedValue, tensor: Tensor) -> Tensor:
    """Cast an input to its declared type; a scalar may be given for a tensor of one element."""
    shape = getattr(planned.type, "shape", None)
    if shape is not None and len(shape) != tensor.dim() and tensor.numel() == 1:
        tensor = tensor.reshape((1,) * len(shape))
    try:
        value: Tensor = planned.accept(tensor)
    except ValueError as error:
        raise InputError(f"input {error}") from error
    return value


def _check_features(kind: str, features: tuple[Feature, ...], have: Mapping[str, object]) -> None:
    for feature in features:
        if feature.name not in have:
            raise ProgramError(f"the program has no {kind} {feature.name!r}")
