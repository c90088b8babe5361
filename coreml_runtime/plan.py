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

from .constants import constant_value
from .dtypes import DType, rounder, wrap
from .errors import CoreMLRuntimeError, ProgramError, UnsupportedModelError, UnsupportedOpError
from .ops import find_op
from .ops.registry import Bools, Floats, Ints, OpDef, Scalar, Tensors
from .package import Package
from .program import Block, Constant, Function, Operation, TensorType

Finish = Callable[[Tensor], Tensor]
Read = tuple[str, int | tuple[int, ...], Callable[[Any], Any] | None]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Where a result goes, what it is made into, and the shape it has to have (None: any)."""

    name: str
    slot: int
    finish: Finish
    shape: tuple[int, ...] | None


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
        self._constants: dict[str, Constant | Tensor] = {}  # by name, decoded when first needed
        self._tensors: dict[str, tuple[int, Tensor]] = {}  # constants that ops take as tensors
        self._steps: list[Step] = []

    def plan(self) -> Plan:
        body = self._function.body
        inputs = {
            name: self._result(name, _tensor_type(name, type_), exact=False)
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
            constants=self._tensors,
            slots=len(self._slots),
        )

    def _add(self, operation: Operation, dying: tuple[str, ...]) -> None:
        if operation.type == "const":
            self._define_constant(operation)
            return
        definition = find_op(operation.type, self._function.opset)
        assert definition is not None, "unknown ops were refused before"
        fixed, reads = self._arguments(operation, definition)
        if operation.type.startswith("constexpr_"):
            self._fold(operation, definition, fixed, reads)
            return
        results = tuple(
            self._result(name, _tensor_type(name, type_), exact=definition.exact)
            for name, type_ in operation.outputs
        )
        self._steps.append(
            Step(
                name=operation.name,
                type=operation.type,
                run=definition.run,
                fixed=fixed,
                reads=tuple(reads),
                results=results,
                frees=tuple(self._slots[name] for name in dying if name in self._slots
                            and name not in self._tensors),
                needs_device=definition.needs_device,
            )
        )

    def _define_constant(self, operation: Operation) -> None:
        value = operation.inputs.get("val", ())
        if len(value) != 1 or not isinstance(value[0], Constant) or len(operation.outputs) != 1:
            raise ProgramError("a const needs one value and one output")
        name = operation.outputs[0][0]
        self._unused(name)
        self._constants[name] = value[0]

    def _fold(
        self, operation: Operation, definition: OpDef, fixed: dict[str, Any], reads: list[Read]
    ) -> None:
        """Run a constexpr op now; its arguments are constants by definition."""
        if any(self._is_variable(b) for bound in operation.inputs.values() for b in bound):
            raise ProgramError("its arguments are not all constant")
        by_slot = {slot: tensor for slot, tensor in self._tensors.values()}
        named = {name: by_slot[slot] for name, slot, _ in reads if isinstance(slot, int)}
        try:
            made = definition.run(**fixed, **named)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ProgramError(str(error)) from error
        values = made if isinstance(made, tuple) else (made,)
        for (name, type_), value in zip(operation.outputs, values, strict=True):
            tensor_type = _tensor_type(name, type_)
            if tensor_type.static_shape != tuple(value.shape):
                raise ProgramError(f"gives {tuple(value.shape)}, {name!r} declares {tensor_type}")
            self._unused(name)
            exact = definition.exact
            self._constants[name] = _finish(tensor_type.dtype, self._precision, exact)(value)
        self._forget(operation)

    def _forget(self, operation: Operation) -> None:
        """Drop the compressed form: only this op reads constants that are bound in place."""
        for name in [n for n in self._tensors if n.startswith(f"{operation.name}/")]:
            del self._tensors[name]

    def _is_variable(self, binding: str | Constant) -> bool:
        return isinstance(binding, str) and binding not in self._constants

    def _arguments(
        self, operation: Operation, definition: OpDef
    ) -> tuple[dict[str, Any], list[Read]]:
        fixed: dict[str, Any] = {}
        reads: list[Read] = []
        for parameter, bindings in operation.inputs.items():
            kind = definition.kinds.get(parameter)
            if kind is None or kind is torch.device:
                raise UnsupportedModelError(f"parameter {parameter!r} is not known")
            variadic = kind in (Tensors, Ints, Floats, Bools) and len(bindings) != 1
            if len(bindings) != 1 and not variadic:
                raise ProgramError(f"parameter {parameter!r} has {len(bindings)} values")
            if kind is Tensor or kind == Tensors:
                slots = tuple(
                    self._tensor_slot(b, f"{operation.name}/{parameter}/{index}")
                    for index, b in enumerate(bindings)
                )
                reads.append((parameter, slots[0] if kind is Tensor else slots, None))
            elif any(self._is_variable(binding) for binding in bindings):
                names = tuple(self._slot_of(str(b)) for b in bindings)
                convert = _CONVERTERS[kind]
                reads.append((parameter, names[0] if len(names) == 1 else names, convert))
            else:
                values = tuple(self._constant(binding) for binding in bindings)
                fixed[parameter] = _plain(kind, values[0] if len(values) == 1 else values)
        missing = definition.required - operation.inputs.keys()
        if missing:
            raise ProgramError(f"parameters are missing: {', '.join(sorted(missing))}")
        return fixed, reads

    def _constant(self, binding: str | Constant) -> Any:
        value = self._constants[binding] if isinstance(binding, str) else binding
        if isinstance(value, Constant):
            decoded = constant_value(value, self._package)
            if isinstance(binding, str) and isinstance(decoded, Tensor):
                self._constants[binding] = decoded
            return decoded
        return value

    def _tensor_slot(self, binding: str | Constant, anonymous: str) -> int:
        """The slot of an argument that is taken as a tensor; a constant moves into one."""
        if isinstance(binding, str) and binding not in self._constants:
            return self._slot_of(binding)
        name = binding if isinstance(binding, str) else anonymous
        if name not in self._tensors:
            value = self._constant(binding)
            if not isinstance(value, Tensor):
                raise ProgramError(f"{name!r} is not a tensor")
            self._tensors[name] = (self._new_slot(name), value)
        return self._tensors[name][0]

    def _slot_of(self, name: str) -> int:
        if name in self._constants:
            return self._tensor_slot(name, name)
        if name not in self._slots:
            raise ProgramError(f"{name!r} is used before it is defined")
        return self._slots[name]

    def _new_slot(self, name: str) -> int:
        return self._slots.setdefault(name, len(self._slots))

    def _unused(self, name: str) -> None:
        if name in self._slots or name in self._constants:
            raise ProgramError(f"{name!r} is defined twice")

    def _result(self, name: str, type_: TensorType, *, exact: bool) -> Result:
        self._unused(name)
        return Result(
            name=name,
            slot=self._new_slot(name),
            finish=_finish(type_.dtype, self._precision, exact),
            shape=type_.static_shape,
        )


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


def _finish(dtype: DType, precision: str, exact: bool) -> Finish:
    """What turns an op's raw result into a held value of ``dtype``."""
    held = dtype.held
    narrow = wrap(dtype)
    if narrow is None and precision == "storage" and not exact:
        narrow = rounder(dtype)
    if narrow is None:
        return lambda value: value if value.dtype == held else value.to(held)
    reduce = narrow
    return lambda value: reduce(value if value.dtype == held else value.to(held))


def _flat(value: Any) -> list[Any]:
    if isinstance(value, Tensor):
        return list(value.reshape(-1).tolist())
    if isinstance(value, tuple):
        return [item for part in value for item in _flat(part)]
    return [value]


def _one(value: Any) -> Any:
    (single,) = _flat(value)
    return single


_CONVERTERS: dict[Any, Callable[[Any], Any]] = {
    int: lambda value: int(_one(value)),
    float: lambda value: float(_one(value)),
    bool: lambda value: bool(_one(value)),
    str: lambda value: str(_one(value)),
    Scalar: _one,
    Ints: lambda value: tuple(int(item) for item in _flat(value)),
    Floats: lambda value: tuple(float(item) for item in _flat(value)),
    Bools: lambda value: tuple(bool(item) for item in _flat(value)),
}


def _plain(kind: Any, value: Any) -> Any:
    try:
        return _CONVERTERS[kind](value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ProgramError(f"an argument is not a {getattr(kind, '__name__', kind)}") from error
