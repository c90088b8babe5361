"""How numba compiles the renderer: its decorators, with the options that all of them share.

`described` is for the head's description (`head/`). Such a function stays plain Python, which works
on floats and on torch tensors, and is compiled into the compiled functions that call it. `merged`
and `compiled` are for the loops over packets of points, `entry_point` for what Python calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numba.core import ir
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.untyped_passes import InlineInlinables
from numba.extending import overload, register_jitable


@register_pass(mutates_CFG=False, analysis_only=False)
class _SinglePrecision(FunctionPass):
    """Makes float32 of every float that is written in the source.

    Python's floats are float64, so `0.5 * x` would be computed in float64 whatever x is, and only
    half as many numbers fit into a SIMD register.
    """

    _name = "single_precision"

    def __init__(self) -> None:  # the base class's is abstract
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        for block in state.func_ir.blocks.values():
            for assignment in block.find_insts(ir.Assign):
                source = assignment.value
                written = isinstance(source, ir.Const | ir.Global | ir.FreeVar)
                if written and isinstance(source.value, float):
                    source.value = np.float32(source.value)
        return True


class _Compiler(CompilerBase):
    """numba's own passes, and ours before types are inferred (numba's docs: "Customizing the
    compiler")."""

    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_SinglePrecision, InlineInlinables)
        passes.finalize()
        return [passes]


# No number of a picture is NaN or infinite, and which zero it is does not matter: then minimum and
# maximum are one instruction each. Sums are not reordered and products not fused into them, though
# that would be faster by a seventh: numba optimises code that it takes from its cache once more
# than code that it has just compiled, which would then round otherwise. As it is, both give the
# same bytes (`tests/avatar/people/test_selfies_backends.py` holds that).
_OPTIONS: Any = {
    "fastmath": {"nnan", "ninf", "nsz"},
    "error_model": "numpy",  # division by zero is no exception, for which loops would have to stop
    "nogil": True,
    "pipeline_class": _Compiler,
}
_CALLED_BY_COMPILED_CODE: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

described: Callable[[Callable[..., Any]], Any] = register_jitable(
    # A loop can be put into SIMD lanes only when it calls nothing.
    **_OPTIONS,
    **_CALLED_BY_COMPILED_CODE,
    forceinline=True,
)


def implements(operation: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Decorates the function that numba compiles wherever `operation` is called."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @overload(operation, jit_options={**_OPTIONS, "forceinline": True}, strict=False)
        def choose(*_: Any) -> Callable[..., Any]:
            return function

        return function

    return decorate


def compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code for float32, to be called by other compiled functions."""
    return njit(**_OPTIONS, **_CALLED_BY_COMPILED_CODE)(function)


def merged(function: Callable[..., Any]) -> Any:
    """The same, but numba copies it into each function that calls it, and compiles only those.

    What `compiled` functions call is optimised anew with each of them, so only the longest are.
    """
    return njit(**_OPTIONS, inline="always")(function)


def entry_point(function: Callable[..., Any]) -> Any:
    """The same for Python to call, kept in numba's cache on disk from then on."""
    return njit(**_OPTIONS, cache=True)(function)
