"""Plans a function.

Everything that can be decided once is decided here, at load: which function computes an op, which
arguments are Python values, what each result is rounded to, and when a value is used for the last
time.
"""

from dataclasses import replace
from typing import Any

from torch import Tensor

from ..errors import CoreMLRuntimeError, ProgramError, UnsupportedModelError
from ..numerics import declared_cast
from ..ops import OP_FAILURES, VARIADIC, MilList, OpDef, StateCell, Tensors, find_op
from ..package import (
    Block,
    Constant,
    Function,
    Operation,
    OtherType,
    Package,
    TensorType,
    ValueType,
)
from .argument_conversion import CONVERTERS, to_python
from .attention_pattern import group_attention, is_attention
from .lifetimes import last_uses
from .name_scope import NameScope
from .operation_checks import CONTROL_FLOW, check_ops, check_parameters
from .plan import (
    AttentionStep,
    BranchStep,
    LoopStep,
    OpStep,
    Plan,
    PlannedBlock,
    PlannedValue,
    SlotRead,
    Step,
)

_NOT_CONVERTED = (MilList, StateCell)  # passed to the op as the slot holds them
_NO_SLOT = -1


def make_plan(function: Function, package: Package, precision: str) -> Plan:
    """Plan ``function``, whose constants are in ``package``.

    Args:
        function: The function to run.
        package: Where its weight files are.
        precision: ``storage`` or ``float32``, as for :func:`coreml_runtime.load`.

    Raises:
        UnsupportedOpError: The function uses ops that are not implemented; all of them are named.
        ProgramError: A name is used before it is defined, or an argument is wrong.
        WeightsError: A weight file does not hold a constant.
    """
    check_ops(function)
    return _Planner(function, package, precision).plan()


class _Planner:
    def __init__(self, function: Function, package: Package, precision: str) -> None:
        self._function = function
        self._precision = precision
        self._scope = NameScope(package)

    def plan(self) -> Plan:
        inputs = [
            self._value(name, type_, exact=False, in_place=False)  # the caller owns the memory
            for name, type_ in self._function.inputs
        ]
        body = self._block(self._function.body, tuple(inputs))
        return Plan(
            body=body,
            inputs={value.name: value for value in inputs if not _is_state(value.type)},
            states={value.name: value for value in inputs if _is_state(value.type)},
            outputs=dict(zip(self._function.body.outputs, body.outputs, strict=True)),
            constants=self._scope.constants,
            slot_count=self._scope.slot_count,
        )

    def _block(self, block: Block, inputs: tuple[PlannedValue, ...]) -> PlannedBlock:
        groups = group_attention(block)
        block = replace(block, operations=tuple(one for group in groups for one in group))
        freeable = tuple(value.name for value in inputs if not _is_state(value.type))
        last_used = last_uses(block, freeable)
        steps: list[Step] = []
        index = 0
        for group in groups:
            group_steps: list[Step] = []
            for operation in group:
                step = self._named_step(operation, last_used.get(index, ()))
                index += 1
                if step is not None:
                    group_steps.append(step)
            steps += self._join_attention(group_steps)
        outputs = tuple(map(self._scope.slot, block.outputs))
        return PlannedBlock(inputs=inputs, steps=tuple(steps), outputs=outputs)

    def _join_attention(self, steps: list[Step]) -> list[Step]:
        """Return one step for those of an attention, and any other steps as they are."""
        op_steps = [step for step in steps if isinstance(step, OpStep)]
        if not is_attention(op_steps):
            return steps
        parts = PlannedBlock(inputs=(), steps=tuple(op_steps), outputs=())
        rounds = self._precision == "storage"
        return [AttentionStep(name=op_steps[-1].name, parts=parts, rounds=rounds)]

    def _named_step(self, operation: Operation, last_used: tuple[str, ...]) -> Step | None:
        """Return the step of an operation; an error names the operation."""
        try:
            return self._step(operation, last_used)
        except CoreMLRuntimeError as error:
            label = f"op {operation.name!r} ({operation.type})"
            raise type(error)(f"{label}: {error}") from error

    def _step(self, operation: Operation, last_used: tuple[str, ...]) -> Step | None:
        """Return the step of an operation, or None where its results are constants."""
        if operation.type == "const":
            self._define_constant(operation)
            return None
        if operation.type in CONTROL_FLOW:
            return self._control_flow(operation, last_used)
        definition = find_op(operation.type, self._function.opset)
        assert definition is not None, "check_ops has refused unknown ops"
        check_parameters(operation, definition)
        if operation.type.startswith("constexpr_"):
            self._decompress(operation, definition)
            return None
        fixed, reads = self._arguments(operation, definition)
        return OpStep(
            name=operation.name,
            type=operation.type,
            run=definition.run,
            fixed=fixed,
            reads=tuple(reads),
            results=self._results(operation, exact=definition.exact),
            frees=self._scope.variable_slots(last_used),
            needs_device=definition.needs_device,
        )

    def _define_constant(self, operation: Operation) -> None:
        value = operation.inputs.get("val", ())
        if len(value) != 1 or not isinstance(value[0], Constant) or len(operation.outputs) != 1:
            raise ProgramError("a const needs one value and one output")
        self._scope.add_constant(operation.outputs[0][0], value[0])

    def _control_flow(
        self, operation: Operation, last_used: tuple[str, ...]
    ) -> BranchStep | LoopStep:
        parameter = "pred" if operation.type == "cond" else "loop_vars"
        if len(operation.blocks) != 2 or set(operation.inputs) != {parameter}:
            raise ProgramError(f"it needs two blocks and the parameter {parameter!r} only")
        inputs = tuple(map(self._scope.slot, operation.inputs[parameter]))
        first, second = map(self._nested_block, operation.blocks)
        results = self._results(operation, exact=True)
        frees = self._scope.variable_slots(last_used)
        if operation.type == "cond":
            counts = {len(first.outputs), len(second.outputs), len(results)}
            if len(inputs) != 1 or len(counts) != 1 or first.inputs or second.inputs:
                raise ProgramError("its blocks do not fit its inputs and outputs")
            return BranchStep(
                name=operation.name, predicate=inputs[0], then=first, otherwise=second,
                results=results, frees=frees,
            )  # fmt: skip
        counts = {len(inputs), len(results), len(second.outputs)}
        counts |= {len(first.inputs), len(second.inputs)}
        if len(counts) != 1 or len(first.outputs) != 1:
            raise ProgramError("its blocks do not fit its inputs and outputs")
        return LoopStep(
            name=operation.name, start=inputs, condition=first, body=second,
            results=results, frees=frees,
        )  # fmt: skip

    def _nested_block(self, block: Block) -> PlannedBlock:
        with self._scope.nested():
            inputs = tuple(self._value(name, type_, exact=True) for name, type_ in block.inputs)
            return self._block(block, inputs)

    def _decompress(self, operation: Operation, definition: OpDef) -> None:
        """Run a constexpr op now, at load; its arguments are constants by definition."""
        arguments: dict[str, Any] = {}
        for parameter, bindings in operation.inputs.items():
            if len(bindings) != 1 or self._scope.is_variable(bindings[0]):
                raise ProgramError(f"parameter {parameter!r} is not one constant")
            value = self._scope.value(bindings[0])
            kind = definition.kinds[parameter]
            arguments[parameter] = value if kind is Tensor else to_python(kind, value)
        try:
            result = definition.run(**arguments)
            values = result if isinstance(result, tuple) else (result,)
            pairs = list(zip(operation.outputs, values, strict=True))
        except OP_FAILURES as error:
            raise ProgramError(str(error).partition("\n")[0]) from error
        for (name, type_), value in pairs:
            # The value may share memory with a weight file, so it is not rounded in place.
            planned = self._value(
                name, type_, exact=definition.exact, in_place=False, slot=_NO_SLOT
            )
            try:
                self._scope.add_constant(name, planned.accept(value))
            except ValueError as error:
                raise ProgramError(str(error)) from error

    def _arguments(
        self, operation: Operation, definition: OpDef
    ) -> tuple[dict[str, Any], list[SlotRead]]:
        """Return the arguments that are Python constants, and where to read the others from."""
        fixed: dict[str, Any] = {}
        reads: list[SlotRead] = []
        for parameter, bindings in operation.inputs.items():
            kind = definition.kinds[parameter]
            single = len(bindings) == 1
            if not single and kind not in VARIADIC:
                raise ProgramError(f"parameter {parameter!r} has {len(bindings)} values")
            if kind in _NOT_CONVERTED:
                reads.append(SlotRead(parameter, self._scope.slot(bindings[0]), None))
            elif kind is Tensor or kind == Tensors or any(map(self._scope.is_variable, bindings)):
                slots = tuple(map(self._scope.tensor_slot, bindings))
                source = slots[0] if single and kind != Tensors else slots
                reads.append(SlotRead(parameter, source, CONVERTERS.get(kind)))
            else:
                values = tuple(map(self._scope.value, bindings))
                fixed[parameter] = to_python(kind, values[0] if single else values)
        return fixed, reads

    def _results(self, operation: Operation, *, exact: bool) -> tuple[PlannedValue, ...]:
        return tuple(self._value(name, type_, exact=exact) for name, type_ in operation.outputs)

    def _value(
        self,
        name: str,
        type_: ValueType,
        *,
        exact: bool,
        in_place: bool = True,
        slot: int | None = None,
    ) -> PlannedValue:
        """Define the variable ``name``; with ``slot`` given, define no name."""
        cast = None
        if isinstance(type_, TensorType) and type_.dtype.kind != "s":
            cast = declared_cast(type_.dtype, self._precision, exact=exact, in_place=in_place)
        elif isinstance(type_, OtherType) and type_.kind == "tuple":
            raise UnsupportedModelError(f"{name!r} is a tuple, which is not supported here")
        if slot is None:
            slot = self._scope.add_variable(name)
        return PlannedValue(name=name, slot=slot, cast=cast, type=type_)


def _is_state(type_: ValueType) -> bool:
    return isinstance(type_, OtherType) and type_.kind == "state"
