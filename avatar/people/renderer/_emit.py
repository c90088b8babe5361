"""The description's functions as numba sees them: run once, they write LLVM instructions.

A description is plain arithmetic (see `head`), so to compile one of its functions it is enough to
call it with numbers that note what is done to them. numba then has neither to read, nor to type,
nor to inline any of it, which is most of what it would do; and a loop that calls such a function
has no call left in it, so it can go into SIMD lanes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types.containers import UniTuple
from numba.extending import intrinsic

_FLOAT = ir.FloatType()


class _Number:
    """A float32 that the instructions at hand compute; what is done to it adds instructions.

    numba marks them as fast mathematics itself, where the function around them asks for that.
    """

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder = builder
        self.value = value

    def new(self, value: ir.Value) -> _Number:
        return _Number(self.builder, value)

    def called(self, name: str) -> _Number:
        """The result of LLVM's own function of one number."""
        function = self.builder.module.declare_intrinsic(name, [_FLOAT])
        return self.new(self.builder.call(function, [self.value]))

    def __add__(self, right: _Number | float) -> _Number:
        return self.new(self.builder.fadd(self.value, _value(right)))

    def __sub__(self, right: _Number | float) -> _Number:
        return self.new(self.builder.fsub(self.value, _value(right)))

    def __rsub__(self, left: float) -> _Number:
        return self.new(self.builder.fsub(_value(left), self.value))

    def __mul__(self, right: _Number | float) -> _Number:
        return self.new(self.builder.fmul(self.value, _value(right)))

    def __truediv__(self, right: _Number | float) -> _Number:
        return self.new(self.builder.fdiv(self.value, _value(right)))

    def __rtruediv__(self, left: float) -> _Number:
        return self.new(self.builder.fdiv(_value(left), self.value))

    def __neg__(self) -> _Number:
        return 0.0 - self

    def __lt__(self, right: _Number | float) -> _Number:
        return self.new(self.builder.fcmp_ordered("<", self.value, _value(right)))

    def __gt__(self, right: _Number | float) -> _Number:
        return self.new(self.builder.fcmp_ordered(">", self.value, _value(right)))

    __radd__ = __add__
    __rmul__ = __mul__


def _value(number: _Number | float) -> ir.Value:
    if isinstance(number, _Number):
        return number.value
    return ir.Constant(_FLOAT, float(np.float32(number)))


def _where(condition: _Number, a: _Number | float, b: _Number | float) -> _Number:
    choice = condition.builder.select(condition.value, _value(a), _value(b))
    return condition.new(choice)


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "where": _where,
    "maximum": lambda a, b: _where(a > b, a, b),
    "minimum": lambda a, b: _where(a < b, a, b),
    "absolute": lambda a: a.called("llvm.fabs"),
    "sqrt": lambda a: a.called("llvm.sqrt"),
    "floor": lambda a: a.called("llvm.floor"),
}
"""What `head.operations` has, for these numbers."""


class _Parameters:
    """The numbers of one picture, loaded from numba's record of them when they are read."""

    def __init__(self, builder: ir.IRBuilder, record: ir.Value, kind: types.Record) -> None:
        self._builder, self._record, self._kind = builder, record, kind

    def __getattr__(self, name: str) -> _Number:
        offset = self._kind.offset(name)
        at = cgutils.get_record_member(self._builder, self._record, offset, _FLOAT)
        loaded = self._builder.load(at, align=4)
        # Nobody writes to them: a loop may keep them, whatever arrays it writes to.
        loaded.set_metadata("invariant.load", self._builder.module.add_metadata([]))
        return _Number(self._builder, loaded)


def instructions(function: Callable[..., Any]) -> Any:
    """A function of the description as one that numba's code can call."""

    def emitted(builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value | list[ir.Value]:
        result = function(
            *(
                _Parameters(builder, value, kind)
                if isinstance(kind, types.Record)
                else _Number(builder, value)
                for kind, value in zip(kinds, values, strict=True)
            )
        )
        return [_value(n) for n in result] if isinstance(result, tuple) else _value(result)

    def typed(_: Any, *kinds: types.Type) -> Any:
        assert all(k == types.float32 or isinstance(k, types.Record) for k in kinds), kinds
        rehearsed = emitted(*_rehearsal(kinds))
        one = not isinstance(rehearsed, list)
        kind = types.float32 if one else UniTuple(types.float32, len(rehearsed))

        def generate(context: Any, builder: ir.IRBuilder, _: Any, values: Any) -> ir.Value:
            result = emitted(builder, kinds, values)
            return result if one else context.make_tuple(builder, kind, result)

        return kind(*kinds), generate

    # numba reads from the signature how many arguments there are.
    names = ["context", *inspect.signature(function).parameters]
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    counted: Any = typed
    counted.__signature__ = inspect.Signature([inspect.Parameter(n, positional) for n in names])
    counted.__name__ = function.__name__
    return intrinsic(counted)


def _rehearsal(kinds: tuple[types.Type, ...]) -> tuple[ir.IRBuilder, Any, list[ir.Value]]:
    """Arguments to emit a function somewhere that is thrown away, to see what it returns."""
    void = ir.FunctionType(ir.VoidType(), [])
    builder = ir.IRBuilder(ir.Function(ir.Module(), void, "rehearsal").append_basic_block())
    values = [
        builder.alloca(ir.ArrayType(ir.IntType(8), kind.size))
        if isinstance(kind, types.Record)
        else ir.Constant(_FLOAT, 0.0)
        for kind in kinds
    ]
    return builder, kinds, values
