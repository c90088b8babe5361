"""A function made ready to run: names become slots, constants values, ops bound calls.

Everything that can be decided once is decided here, at load: which implementation an op has, which
arguments are Python values, what each result is rounded to, when a value was used for the last
time. What is left for a call is a list of :class:`Step`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .bind import CONVERTERS, OP_FAILURES, Convert, Finish, finisher, plain
from .constants import constant_value
from .errors import CoreMLRuntimeError, ProgramError, UnsupportedModelError, UnsupportedOpError
from .ops import find_op
from .ops.registry import Bools, Floats, Ints, OpDef, Tensors
from .package import Package
from .program import Block, Constant, Function, Operation, TensorType

Read = tuple[str, int | tuple[int, ...], Convert | None]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Where a result goes, what it is made into, and the shape it has to have."""

    name: str
    slot: int
    finish: Finish
    shape: tuple[int | None, ...] | None

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether ``shape`` is the declared one, as far as one is declared."""
        if self.shape is None or self.shape == shape:
            return True
        return len(shape) == len(self.shape) and all(
            want is None or want == have for want, have in zip(self.shape, shape, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class Step:
    """One op, bound: ``fixed`` arguments, those ``reads`` from slots, and slots free after it."""

    name: str
    type: str
    run: Callable[..., Any]
    fixed: dict[str, Any]
    reads: tuple[Read, ...]
    results: tuple[Result, ...]
    frees: tuple[int, ...]
    needs_device: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole function: ``inputs`` and ``outputs`` name their slots, ``constants`` fill theirs."""

    steps: tuple[Step, ...]
    inputs: dict[str, Result]
    outputs: dict[str, int]
    constants: dict[str, tuple[int, Tensor]]
    slots: int


def make_plan(function: Function, package: Package, precision: str) -> Plan:
    """Bind ``function``; ``precision`` is ``storage`` or ``float32``.

    Raises:
        UnsupportedOpError: some ops are not known; all of them are named.
        ProgramError: a name is used before it is defined, or an argument is wrong.
    """
    unknown = sorted({o.type for o in function.body.walk() if not _known(o, function.opset)})
    if unknown:
        raise UnsupportedOpError(
            f"the program uses ops that are not supported here: {', '.join(unknown)}"
        )
    return _Planner(function, package, precision).plan()


def _known(operation: Operation, opset: int) -> bool:
    return operation.type == "const" or find_op(operation.type, opset) is not None


class _Planner:
    def __init__(self, function: Function, package: Package, precision: str) -> None:
        self._function = function
        self._package = package
        self._precision = precision
        self._slots: dict[str, int] = {}
        self._constants: dict[str, Any] = {}  # by name, decoded when first needed
        self._tensors: dict[str, tuple[int, Tensor]] = {}  # constants that ops take as tensors
        self._steps: list[Step] = []

    def plan(self) -> Plan:
        body = self._function.body
        inputs = {
            name: self._result(name, _tensor_type(name, type_), exact=False, in_place=False)
            for name, type_ in self._function.inputs
        }
        last_use = _last_uses(body)
        for place, operation in enumerate(body.operations):
            try:
                self._add(operation, last_use.get(place, ()))
            except CoreMLRuntimeError as error:
                label = f"op {operation.name!r} ({operation.type})"
                raise type(error)(f"{label}: {error}") from error
        outputs = {name: self._slot_of(name) for name in body.outputs}
        return Plan(
            steps=tuple(self._steps),
            inputs=inputs,
            outputs=outputs,
            constants=self._read_tensors(outputs),
            slots=len(self._slots),
        )

    def _read_tensors(self, outputs: dict[str, int]) -> dict[str, tuple[int, Tensor]]:
        """The constants that some step or output reads; the rest were only steps to others."""
        read = set(outputs.values())
        for step in self._steps:
            for _, source, _ in step.reads:
                read.update((source,) if isinstance(source, int) else source)
        return {name: held for name, held in self._tensors.items() if held[0] in read}

    def _add(self, operation: Operation, dying: tuple[str, ...]) -> None:
        if operation.type == "const":
            self._define_constant(operation)
            return
        definition = find_op(operation.type, self._function.opset)
        assert definition is not None, "unknown ops were refused before"
        _check_parameters(operation, definition)
        if operation.type.startswith("constexpr_"):
            self._fold(operation, definition)
            return
        fixed, reads = self._arguments(operation, definition)
        results = tuple(
            self._result(name, _tensor_type(name, type_), exact=definition.exact, in_place=True)
            for name, type_ in operation.outputs
        )
        variables = (name for name in dying if name in self._slots and name not in self._tensors)
        self._steps.append(
            Step(
                name=operation.name,
                type=operation.type,
                run=definition.run,
                fixed=fixed,
                reads=tuple(reads),
                results=results,
                frees=tuple(self._slots[name] for name in variables),
                needs_device=definition.needs_device,
            )
        )

    def _define_constant(self, operation: Operation) -> None:
        value = operation.inputs.get("val", ())
        if len(value) != 1 or not isinstance(value[0], Constant) or len(operation.outputs) != 1:
            raise ProgramError("a const needs one value and one output")
        name = operation.outputs[0][0]
        self._refuse_second(name)
        self._constants[name] = value[0]

    def _fold(self, operation: Operation, definition: OpDef) -> None:
        """Run a constexpr op now; its arguments are constants by definition."""
        arguments: dict[str, Any] = {}
        for parameter, bindings in operation.inputs.items():
            if len(bindings) != 1 or self._is_variable(bindings[0]):
                raise ProgramError(f"parameter {parameter!r} is not one constant")
            value = self._constant(bindings[0])
            kind = definition.kinds[parameter]
            arguments[parameter] = value if kind is Tensor else plain(kind, value)
        try:
            made = definition.run(**arguments)
            values = made if isinstance(made, tuple) else (made,)
            pairs = list(zip(operation.outputs, values, strict=True))
        except OP_FAILURES as error:
            raise ProgramError(str(error)) from error
        for (name, type_), value in pairs:
            result = self._result(
                name, _tensor_type(name, type_), exact=definition.exact, in_place=False
            )
            if not result.fits(tuple(value.shape)):
                raise ProgramError(f"gives {tuple(value.shape)}, {name!r} declares {type_}")
            self._tensors[name] = (result.slot, result.finish(value))

    def _is_variable(self, binding: str | Constant) -> bool:
        """Whether an argument is only known at run time."""
        return isinstance(binding, str) and not (
            binding in self._constants or binding in self._tensors
        )

    def _arguments(
        self, operation: Operation, definition: OpDef
    ) -> tuple[dict[str, Any], list[Read]]:
        """Python values decoded now, and where to read the rest from."""
        fixed: dict[str, Any] = {}
        reads: list[Read] = []
        for parameter, bindings in operation.inputs.items():
            kind = definition.kinds[parameter]
            single = len(bindings) == 1
            if not single and kind not in (Tensors, Ints, Floats, Bools):
                raise ProgramError(f"parameter {parameter!r} has {len(bindings)} values")
            if kind is Tensor or kind == Tensors or any(map(self._is_variable, bindings)):
                slots = tuple(
                    self._tensor_slot(binding, f"{operation.name}/{parameter}/{index}")
                    for index, binding in enumerate(bindings)
                )
                source = slots[0] if single and kind != Tensors else slots
                reads.append((parameter, source, CONVERTERS.get(kind)))
            else:
                values = tuple(map(self._constant, bindings))
                fixed[parameter] = plain(kind, values[0] if single else values)
        return fixed, reads

    def _constant(self, binding: str | Constant) -> Any:
        """The decoded value of a constant argument."""
        if not isinstance(binding, str):
            return constant_value(binding, self._package)
        if binding in self._tensors:
            return self._tensors[binding][1]
        value = self._constants[binding]
        if isinstance(value, Constant):
            value = self._constants[binding] = constant_value(value, self._package)
        return value

    def _tensor_slot(self, binding: str | Constant, anonymous: str) -> int:
        """The slot of an argument that is taken as a tensor; a constant moves into one."""
        name = binding if isinstance(binding, str) else anonymous
        if self._is_variable(binding):
            return self._slot_of(name)
        if name not in self._tensors:
            value = self._constant(binding)
            if not isinstance(value, Tensor):
                raise ProgramError(f"{name!r} is not a tensor")
            self._tensors[name] = (self._new_slot(name), value)
        return self._tensors[name][0]

    def _slot_of(self, name: str) -> int:
        if name in self._constants and name not in self._tensors:
            return self._tensor_slot(name, name)
        if name not in self._slots:
            raise ProgramError(f"{name!r} is used before it is defined")
        return self._slots[name]

    def _new_slot(self, name: str) -> int:
        return self._slots.setdefault(name, len(self._slots))

    def _refuse_second(self, name: str) -> None:
        if name in self._slots or name in self._constants:
            raise ProgramError(f"{name!r} is defined twice")

    def _result(self, name: str, type_: TensorType, *, exact: bool, in_place: bool) -> Result:
        self._refuse_second(name)
        return Result(
            name=name,
            slot=self._new_slot(name),
            finish=finisher(type_.dtype, self._precision, exact=exact, in_place=in_place),
            shape=type_.shape,
        )


def _check_parameters(operation: Operation, definition: OpDef) -> None:
    if operation.blocks:
        raise UnsupportedModelError("it has nested blocks, which its kind does not take")
    for parameter, bindings in operation.inputs.items():
        if definition.kinds.get(parameter, torch.device) is torch.device:
            raise UnsupportedModelError(f"parameter {parameter!r} is not known")
        if not bindings:
            raise ProgramError(f"parameter {parameter!r} is empty")
    missing = definition.required - operation.inputs.keys()
    if missing:
        raise ProgramError(f"parameters are missing: {', '.join(sorted(missing))}")


def _tensor_type(name: str, type_: Any) -> TensorType:
    if not isinstance(type_, TensorType):
        raise UnsupportedModelError(f"{name!r} is a {type_.kind}, which is not supported here")
    return type_


def _last_uses(block: Block) -> dict[int, tuple[str, ...]]:
    """For the place of each op, the names that no later op and no output of the block reads."""
    last: dict[str, int] = {}
    for place, operation in enumerate(block.operations):
        for name, _ in operation.outputs:
            last[name] = place
        for bindings in operation.inputs.values():
            last.update((name, place) for name in bindings if isinstance(name, str))
    for name in block.outputs:
        last.pop(name, None)
    places: dict[int, list[str]] = {}
    for name, place in last.items():
        places.setdefault(place, []).append(name)
    return {place: tuple(names) for place, names in places.items()}
