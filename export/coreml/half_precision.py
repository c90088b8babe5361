"""The step of a conversion that goes to fp16: what coremltools' own does, in a tenth of the time.

    before  conv(x: fp32, weight: fp32)
    after   cast(conv(cast(x) fp16, weight: fp16)) fp32      (later steps drop pairs of casts)

coremltools' `FP16ComputePrecision` makes five temporary copies of a weight to look for numbers that
fp16 cannot hold, and keeps each weight in fp32 beside its fp16 copy until a later step removes it.
Here the largest number is found in one pass, PyTorch does the rounding, which takes NumPy ten times
as long, and a weight in fp32 leaves the program as soon as nothing computes with it. The resulting
program is the same, to the last byte.

What feeds a sine stays in fp32; see `trigonometry`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import coremltools as ct
import numpy as np
import torch
from coremltools.converters.mil import Builder as mb  # noqa: N813 (the library's own spelling)
from coremltools.converters.mil.mil.ops.defs.iOS15.elementwise_unary import cast
from coremltools.converters.mil.mil.passes.defs.quantization import add_fp16_cast
from coremltools.converters.mil.mil.passes.pass_registry import register_pass

from export.coreml.trigonometry import feeding_phases

_THEIRS, _OURS = "common::add_fp16_cast", "pocket_avatar::to_half_precision"
_FP16_MAX = float(np.finfo(np.float16).max)


def pass_pipeline(on_start: Callable[[], None] = lambda: None) -> ct.PassPipeline:
    """coremltools' default passes, with this one in the place of its own, for `ct.convert`.

    Args:
        on_start: See `to_half_precision`.
    """
    pipeline = ct.PassPipeline.DEFAULT
    pipeline.passes = [_OURS if name == _THEIRS else name for name in pipeline.passes]
    pipeline.set_options(_OURS, {"on_start": on_start})
    return pipeline


@register_pass(namespace="pocket_avatar")
class to_half_precision(add_fp16_cast):  # noqa: N801 (passes are named so)
    """The pass, which stands in the place of `common::add_fp16_cast`.

    Attributes:
        on_start: Called when the pass begins: from then on the program alone needs the weights.
    """

    on_start: Callable[[], None] = staticmethod(lambda: None)

    def apply(self, prog: Any) -> None:
        self.on_start()
        phases = feeding_phases(prog)
        self.op_selector = lambda op: op not in phases
        with _rounded_by_torch():
            super().apply(prog)

    @staticmethod
    def fp16_overflow(op: Any) -> bool:
        """Whether an input of an operation holds a finite number that fp16 cannot hold."""
        # What is within the limits needs no closer look at infinities.
        if all(abs(end) <= _FP16_MAX for var in _constants(op) for end in _ends(var.val)):
            return False
        return bool(add_fp16_cast.fp16_overflow(op))

    def transform_op(self, op: Any) -> None:
        block, constants = op.enclosing_block, _constants(op)
        super().transform_op(op)
        for var in constants:
            if not var.child_ops and not var.consuming_blocks:
                block.remove_ops([var.op])
                _forget(var)

    def _get_casted_outputs(self, op: Any, casted_inputs: dict[str, Any]) -> Any:
        """Compute with constants in fp16 in the place of casts that nothing else needs."""
        casts = [var for name in casted_inputs for var in _listed(casted_inputs[name])]
        folded = {id(cast): _folded(cast) for cast in casts if _is_folded_here(cast, op)}
        for name, value in casted_inputs.items():
            made = [folded.get(id(var), var) for var in _listed(value)]
            casted_inputs[name] = made if isinstance(value, list | tuple) else made[0]
        return super()._get_casted_outputs(op, casted_inputs)


@contextmanager
def _rounded_by_torch() -> Iterator[None]:
    """While open, coremltools' operation `cast` rounds arrays from fp32 to fp16 by PyTorch."""
    original = vars(cast)["get_cast_value"]

    def value(cls: Any, var: Any, dtype: str) -> Any:
        held = var.val
        if dtype != "fp16" or not isinstance(held, np.ndarray) or held.dtype != np.float32:
            return original.__func__(cls, var, dtype)
        return torch.from_numpy(held).half().numpy()

    cast.get_cast_value = classmethod(value)
    try:
        yield
    finally:
        cast.get_cast_value = original


def _constants(op: Any) -> list[Any]:
    """The inputs of an operation that are constants in fp32, each once."""
    found = {
        id(var): var
        for var in op.get_flattened_inputs()
        if var.op is not None
        and var.op.op_type == "const"
        and var.is_tensor_or_scalar_of(dtype="fp32")
    }
    return list(found.values())


def _ends(value: Any) -> tuple[float, ...]:
    """The least and the greatest number of an array; NaN where it holds any."""
    array = torch.as_tensor(value)
    return tuple(float(end) for end in torch.aminmax(array)) if array.numel() else ()


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_folded_here(var: Any, op: Any) -> bool:
    """Whether a value is the cast of a constant that only this operation uses, once."""
    cast = getattr(var, "op", None)
    if cast is None or cast.op_type != "cast" or var.val is None or var.child_ops:
        return False
    source = cast.x
    return (
        source.op is not None
        and source.op.op_type == "const"
        and set(source.child_ops) == {cast, op}
        and not source.consuming_blocks
    )


def _folded(var: Any) -> Any:
    """A constant with the number of a cast, which leaves the program."""
    constant = mb.const(val=var.val, name=var.name, before_op=var.op)
    var.op.enclosing_block.remove_ops([var.op])
    return constant


def _forget(var: Any) -> None:
    """Free the number of a constant that left the program: reference cycles keep its objects."""
    for held in (var, *var.op.internal_inputs.values()):
        held._sym_val = None
