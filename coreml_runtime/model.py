"""The door of the room: :func:`load` and the module it gives."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from .bind import OP_FAILURES
from .errors import ExecutionError, InputError, ProgramError
from .features import (
    Array,
    Feature,
    check_names,
    check_tensor,
    from_tensor,
    read_features,
    to_tensor,
)
from .package import Package
from .plan import Plan, Result, Step, make_plan
from .program import read_function

PRECISIONS = ("storage", "float32")


def load(
    path: str | os.PathLike[str],
    function: str | None = None,
    precision: str = "storage",
    device: str | torch.device = "cpu",
) -> "CoreMLModel":
    """A ``.mlpackage`` with an ML Program as a ``torch.nn.Module``.

    Args:
        path: The package folder.
        function: Which function of a multifunction model; its default one where None.
        precision: ``storage`` computes in float32 and rounds every result to the type the
            program declares for it (usually fp16); ``float32`` rounds nothing.
        device: Where constants and computations are.

    Raises:
        PackageError: The package is missing, malformed, truncated or reaches outside itself.
        ProgramError: The program in it is malformed.
        UnsupportedModelError: It is no ML Program, or uses ops or types not known here.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision is {' or '.join(PRECISIONS)}, not {precision!r}")
    package = Package(path)
    description = package.spec.description
    entries = {entry.name: entry for entry in description.functions}
    name = function or description.defaultFunctionName or "main"
    plan = make_plan(read_function(package.spec.mlProgram, name), package, precision)
    entry = entries.get(name, description)
    model = CoreMLModel(
        plan=plan,
        inputs=read_features(entry.input),
        outputs=read_features(entry.output),
        functions=tuple(sorted(package.spec.mlProgram.functions)),
        precision=precision,
    )
    return model.to(device).eval()


class CoreMLModel(nn.Module):
    """One function of an ML Program, planned once and run many times.

    Constants are buffers, so ``.to(device)`` moves the model. Attributes: ``inputs`` and
    ``outputs`` (tuples of :class:`Feature`), ``functions`` (names), ``precision``.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        inputs: tuple[Feature, ...],
        outputs: tuple[Feature, ...],
        functions: tuple[str, ...],
        precision: str,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.outputs = outputs
        self.functions = functions
        self.precision = precision
        self._plan = plan
        self._buffer_slots: dict[str, int] = {}
        for index, (slot, tensor) in enumerate(plan.constants.values()):
            self.register_buffer(f"constant_{index}", tensor)
            self._buffer_slots[f"constant_{index}"] = slot
        plan.constants.clear()  # the buffers own them now
        self._device = torch.device("cpu")
        self._ready()
        for feature in inputs:
            if feature.name not in plan.inputs:
                raise ProgramError(f"the program has no input {feature.name!r}")
        for feature in outputs:
            if feature.name not in plan.outputs:
                raise ProgramError(f"the program has no output {feature.name!r}")

    def _ready(self) -> None:
        """Lay the constants out in the slots that every call starts from."""
        self._template: list[Any] = [None] * self._plan.slots
        for name, slot in self._buffer_slots.items():
            self._template[slot] = self.get_buffer(name)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "CoreMLModel":
        probe = fn(torch.zeros(0))
        if probe.dtype != torch.float32:
            raise InputError("a program's constants keep their types: use precision= at load")
        super()._apply(fn, recurse)
        self._device = probe.device
        self._ready()
        return self

    def forward(self, **tensors: Tensor) -> dict[str, Tensor]:
        """Tensors in, tensors out, by name, before any 8-bit rounding; gradients flow.

        An image is float (1, channels, height, width) in [0, 255].
        """
        slots = self._start(tensors)
        for _ in self._run(slots):
            pass
        return {f.name: slots[self._plan.outputs[f.name]] for f in self.outputs}

    @torch.no_grad()
    def predict(self, inputs: Mapping[str, object]) -> dict[str, Array | Image.Image]:
        """Numpy arrays and PIL images in, the same out, by name.

        Raises:
            InputError: Names, shapes, types or image modes are not what the model takes.
            ExecutionError: An op failed.
        """
        check_names(self.inputs, inputs)
        tensors = {f.name: to_tensor(f, inputs[f.name]) for f in self.inputs if f.name in inputs}
        results = self(**tensors)
        return {f.name: from_tensor(f, results[f.name]) for f in self.outputs}

    @torch.no_grad()
    def trace(self, inputs: Mapping[str, object]) -> Iterator[tuple[str, Tensor]]:
        """Every intermediate value as (name, tensor), in the order of the program."""
        check_names(self.inputs, inputs)
        tensors = {f.name: to_tensor(f, inputs[f.name]) for f in self.inputs if f.name in inputs}
        slots = self._start(tensors)
        for step in self._run(slots, free=False):
            for result in step.results:
                yield result.name, slots[result.slot]
            for slot in step.frees:
                slots[slot] = None

    def _start(self, tensors: Mapping[str, Tensor]) -> list[Any]:
        check_names(self.inputs, tensors)
        slots = self._template.copy()
        for feature in self.inputs:
            if feature.name not in tensors:
                raise InputError(f"optional input {feature.name!r} has no default here")
            tensor = tensors[feature.name]
            check_tensor(feature, tensor)
            result = self._plan.inputs[feature.name]
            slots[result.slot] = result.finish(tensor.to(self._device))
        return slots

    def _run(self, slots: list[Any], free: bool = True) -> Iterator[Step]:
        for step in self._plan.steps:
            _execute(step, slots, self._device)
            if free:
                for slot in step.frees:
                    slots[slot] = None
            yield step


def _execute(step: Step, slots: list[Any], device: torch.device) -> None:
    """Run one step: read its arguments, call the op, finish and store its results."""
    arguments = dict(step.fixed)
    try:
        for name, source, convert in step.reads:
            value = (
                slots[source] if isinstance(source, int) else tuple(slots[slot] for slot in source)
            )
            arguments[name] = value if convert is None else convert(value)
        if step.needs_device:
            arguments["device"] = device
        made = step.run(**arguments)
        values = (made,) if isinstance(made, Tensor) else made
        for result, value in zip(step.results, values, strict=True):
            slots[result.slot] = _checked(result, result.finish(value))
    except OP_FAILURES as error:
        raise ExecutionError(f"op {step.name!r} ({step.type}) failed: {error}") from error


def _checked(result: Result, value: Tensor) -> Tensor:
    if not result.fits(tuple(value.shape)):
        raise ValueError(
            f"{result.name!r} has shape {tuple(value.shape)}, the program declares {result.shape}"
        )
    return value
