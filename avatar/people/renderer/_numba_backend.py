"""The head compiled by numba for the CPU: one thread a picture, SIMD lanes within it.

Threads of Python, not numba's `prange`: the kernel releases the GIL, so pictures run side by side
just as well, and numba's own thread pools neither bear being called from two threads (workqueue)
nor a fork afterwards (OpenMP), which is what a training's data loader does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from . import _emit, _translate

# Distances have no NaN or infinity to respect, and float32 sums may be reordered into lanes.
_COMMON: Any = {"fastmath": True, "error_model": "numpy", "nogil": True}
_INNER: Any = {**_COMMON, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_APART = ("everything", "paint", "store")


def _called(function: Callable[..., Any]) -> Any:
    """For the tracer: what its entry point calls becomes part of it before types are inferred.

    Compiled on their own, they would all be optimised twice; but numba copies what it puts into
    something else, which takes longer for `_APART`: they are long, or called from many places.

    The entry point is cached on disk; numba names a cache after the function and dates it by the
    function's file, which says nothing of the other files compiled into it: the digest in the name
    does.
    """
    if function.__name__ == "trace":
        function.__qualname__ = f"trace_{_translate.source_digest():08x}"
        return njit(**_COMMON, cache=True)(function)
    inline = "never" if function.__name__ in _APART else "always"
    return njit(**_INNER, inline=inline)(function)


_compiling = threading.Lock()


_COMPILE = "from avatar.people.renderer._numba_backend import kernel; kernel(compile_here=True)"


def _described() -> dict[str, Any]:
    """The description's functions, for the tracer to call."""
    described = _translate.description(_emit.OPERATIONS)
    functions = {name: part for name, part in described.items() if callable(part)}
    return {name: _emit.instructions(function) for name, function in functions.items()}


@cache
def kernel(*, compile_here: bool = False) -> Any:
    """The compiled tracer, always as numba's cache holds it.

    Code on its way into the cache is optimised once more, and as sums may be reordered it rounds
    otherwise than in the process that compiled it: a selfie would depend on who came first. So
    where the cache lacks it, another process compiles it. Where there can be no cache, numba
    compiles it here and now, each time alike.
    """
    tracer = _translate.tracer(_described(), _called)["trace"]
    if compile_here:
        tracer(_example()[0], 1, 1, np.empty((1, 1, 4), np.float32))
    elif not any(Path(tracer.stats.cache_path).glob(f"*{tracer.__qualname__}-*.nbi")):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        subprocess.run([sys.executable, "-c", _COMPILE], env=environment, capture_output=True)
    return tracer


def _example() -> NDArray[np.void]:
    """One row of parameters, all zero: what a call's types are inferred from."""
    names = _translate.parameter_names()
    return np.zeros(1, dtype=[(name, np.float32) for name in names])


def trace(
    parameters: NDArray[np.void], row: int, side: int, *, steps: int, shadow_steps: int
) -> NDArray[np.float32]:
    """The picture of one row of parameters: (side, side, 4) float32, linear, premultiplied."""
    out = np.empty((side, side, 4), np.float32)
    with _compiling:  # one thread is enough to translate; numba has a lock of its own
        tracer = kernel()
    tracer(parameters[row], steps, shadow_steps, out)
    return out
