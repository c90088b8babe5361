"""A function made ready to run: names become slots, constants values, ops bound calls.

Everything that can be decided once is decided here, at load: which implementation an op has, which
arguments are Python values, what each result is rounded to, when a value was used for the last
time. What is left for a call is a list of :class:`Step`.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .attention import can_join, grouped
from .bind import CONVERTERS, OP_FAILURES, finisher, plain
from .errors import CoreMLRuntimeError, ProgramError, UnsupportedModelError, UnsupportedOpError
from .ops import find_op
from .ops.registry import VARIADIC, OpDef, Tensors
from .package import Package
from .program import Block, Constant, Function, Operation, OtherType, TensorType, ValueType
from .scope import Scope
from .steps import AnyStep, Attention, Branch, Loop, Plan, Read, Result, Routine, Step
from .values import MilList, StateCell

CONTROL_FLOW = ("cond", "while_loop")
_RAW = (MilList, StateCell)  # taken from their slot as they are


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
    if operation.type == "const" or operation.type in CONTROL_FLOW:
        return True
    return find_op(operation.type, opset) is not None


class _Planner:
    def __init__(self, function: Function, package: Package, precision: str) -> None:
        self._function = function
        self._precision = precision
        self._scope = Scope(package)

    def plan(self) -> Plan:
        given = [
            self._result(name, type_, exact=False, in_place=False)
            for name, type_ in self._function.inputs
        ]
        body = self._routine(self._function.body, tuple(given))
        return Plan(
            body=body,
            inputs={result.name: result for result in given if not _is_state(result.type)},
            states={result.name: result for result in given if _is_state(result.type)},
            outputs=dict(zip(self._function.body.outputs, body.outputs, strict=True)),
            constants=self._scope.constants,
            slots=self._scope.slots,
        )

    def _routine(self, block: Block, inputs: tuple[Result, ...]) -> Routine:
        """The steps of one block; its own names are freed in it, others where they come from."""
        groups = grouped(block)
        block = replace(block, operations=tuple(one for group in groups for one in group))
        last_use = _last_uses(block, inputs)
        steps: list[AnyStep] = []
        place = 0
        for group in groups:
            made = [
                self._named_step(one, last_use.get(place + i, ())) for i, one in enumerate(group)
            ]
            place += len(group)
            steps += self._joined([step for step in made if step is not None])
        outputs = tuple(map(self._scope.slot, block.outputs))
        return Routine(inputs=inputs, steps=tuple(steps), outputs=outputs)

    def _joined(self, steps: list[AnyStep]) -> list[AnyStep]:
        """One step for those of an attention; any others as they are."""
        plain = [step for step in steps if isinstance(step, Step)]
        if not can_join(plain):
            return steps
        parts = Routine(inputs=(), steps=tuple(plain), outputs=())
        return [Attention(name=plain[-1].name, parts=parts, rounds=self._precision == "storage")]

    def _named_step(self, operation: Operation, dying: tuple[str, ...]) -> AnyStep | None:
        try:
            return self._step(operation, dying)
        except CoreMLRuntimeError as error:
            label = f"op {operation.name!r} ({operation.type})"
            raise type(error)(f"{label}: {error}") from error

    def _nested(self, block: Block) -> Routine:
        with self._scope.nested():
            inputs = tuple(self._result(name, type_, exact=True) for name, type_ in block.inputs)
            return self._routine(block, inputs)

    def _step(self, operation: Operation, dying: tuple[str, ...]) -> AnyStep | None:
        if operation.type == "const":
            self._define_constant(operation)
            return None
        if operation.type in CONTROL_FLOW:
            return self._control_flow(operation, dying)
        definition = find_op(operation.type, self._function.opset)
        assert definition is not None, "unknown ops were refused before"
        _check_parameters(operation, definition)
        if operation.type.startswith("constexpr_"):
            self._fold(operation, definition)
            return None
        fixed, reads = self._arguments(operation, definition)
        return Step(
            name=operation.name,
            type=operation.type,
            run=definition.run,
            fixed=fixed,
            reads=tuple(reads),
            results=self._results(operation, exact=definition.exact),
            frees=self._scope.variable_slots(dying),
            needs_device=definition.needs_device,
        )

    def _define_constant(self, operation: Operation) -> None:
        value = operation.inputs.get("val", ())
        if len(value) != 1 or not isinstance(value[0], Constant) or len(operation.outputs) != 1:
            raise ProgramError("a const needs one value and one output")
        self._scope.constant(operation.outputs[0][0], value[0])

    def _control_flow(self, operation: Operation, dying: tuple[str, ...]) -> Branch | Loop:
        parameter = "pred" if operation.type == "cond" else "loop_vars"
        if len(operation.blocks) != 2 or set(operation.inputs) != {parameter}:
            raise ProgramError(f"it needs two blocks and the parameter {parameter!r} only")
        given = tuple(map(self._scope.slot, operation.inputs[parameter]))
        first, second = map(self._nested, operation.blocks)
        results = self._results(operation, exact=True)
        frees = self._scope.variable_slots(dying)
        if operation.type == "cond":
            counts = {len(first.outputs), len(second.outputs), len(results)}
            if len(given) != 1 or len(counts) != 1 or first.inputs or second.inputs:
                raise ProgramError("its blocks do not fit it")
            return Branch(
                name=operation.name, predicate=given[0], then=first, otherwise=second,
                results=results, frees=frees,
            )  # fmt: skip
        counts = {len(given), len(results), len(second.outputs)}
        counts |= {len(first.inputs), len(second.inputs)}
        if len(counts) != 1 or len(first.outputs) != 1:
            raise ProgramError("its blocks do not fit it")
        return Loop(
            name=operation.name, start=given, condition=first, body=second,
            results=results, frees=frees,
        )  # fmt: skip

    def _fold(self, operation: Operation, definition: OpDef) -> None:
        """Run a constexpr op now; its arguments are constants by definition."""
        arguments: dict[str, Any] = {}
        for parameter, bindings in operation.inputs.items():
            if len(bindings) != 1 or self._scope.is_variable(bindings[0]):
                raise ProgramError(f"parameter {parameter!r} is not one constant")
            value = self._scope.value(bindings[0])
            kind = definition.kinds[parameter]
            arguments[parameter] = value if kind is Tensor else plain(kind, value)
        try:
            made = definition.run(**arguments)
            values = made if isinstance(made, tuple) else (made,)
            pairs = list(zip(operation.outputs, values, strict=True))
        except OP_FAILURES as error:
            raise ProgramError(str(error).partition("\n")[0]) from error
        for (name, type_), value in pairs:
            result = self._result(name, type_, exact=definition.exact, in_place=False, slot=-1)
            try:
                self._scope.constant(name, result.accept(value))
            except ValueError as error:
                raise ProgramError(str(error)) from error

    def _arguments(
        self, operation: Operation, definition: OpDef
    ) -> tuple[dict[str, Any], list[Read]]:
        """Python values decoded now, and where to read the rest from."""
        fixed: dict[str, Any] = {}
        reads: list[Read] = []
        for parameter, bindings in operation.inputs.items():
            kind = definition.kinds[parameter]
            single = len(bindings) == 1
            if not single and kind not in VARIADIC:
                raise ProgramError(f"parameter {parameter!r} has {len(bindings)} values")
            if kind in _RAW:
                reads.append((parameter, self._scope.slot(bindings[0]), None))
            elif kind is Tensor or kind == Tensors or any(map(self._scope.is_variable, bindings)):
                slots = tuple(map(self._scope.tensor_slot, bindings))
                source = slots[0] if single and kind != Tensors else slots
                reads.append((parameter, source, CONVERTERS.get(kind)))
            else:
                values = tuple(map(self._scope.value, bindings))
                fixed[parameter] = plain(kind, values[0] if single else values)
        return fixed, reads

    def _results(self, operation: Operation, *, exact: bool) -> tuple[Result, ...]:
        return tuple(self._result(name, type_, exact=exact) for name, type_ in operation.outputs)

    def _result(
        self,
        name: str,
        type_: ValueType,
        *,
        exact: bool,
        in_place: bool = True,
        slot: int | None = None,
    ) -> Result:
        """A new variable, or with ``slot`` only a check of what becomes a constant.

        What a caller gave and what lies in a weight file's own memory is not rounded in place.
        """
        finish = None
        if isinstance(type_, TensorType) and type_.dtype.kind != "s":
            finish = finisher(type_.dtype, self._precision, exact=exact, in_place=in_place)
        elif isinstance(type_, OtherType) and type_.kind == "tuple":
            raise UnsupportedModelError(f"{name!r} is a tuple, which is not supported here")
        if slot is None:
            slot = self._scope.variable(name)
        return Result(name=name, slot=slot, finish=finish, type=type_)


def _is_state(type_: ValueType) -> bool:
    return isinstance(type_, OtherType) and type_.kind == "state"


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


def _last_uses(block: Block, inputs: tuple[Result, ...]) -> dict[int, tuple[str, ...]]:
    """For the place of each op, the block's own names that nothing in the block reads later."""
    last: dict[str, int] = {result.name: -1 for result in inputs if not _is_state(result.type)}
    for place, operation in enumerate(block.operations):
        for name in _names_read(operation):
            if name in last:
                last[name] = place
        for name, _ in operation.outputs:
            last[name] = place
    for name in block.outputs:
        last.pop(name, None)
    places: dict[int, list[str]] = {}
    for name, place in last.items():
        places.setdefault(place, []).append(name)
    return {place: tuple(names) for place, names in places.items()}


def _names_read(operation: Operation) -> set[str]:
    """Names that an op reads, in its nested blocks too."""
    names = {name for args in operation.inputs.values() for name in args if isinstance(name, str)}
    for block in operation.blocks:
        names.update(block.outputs)
        for inner in block.operations:
            names |= _names_read(inner)
    return names
