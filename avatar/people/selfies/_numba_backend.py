"""The head compiled by numba for the CPU: one thread a picture, SIMD lanes within it.

Threads of Python, not numba's `prange`: the kernel releases the GIL, so pictures run side by side
just as well, and numba's own thread pools neither bear being called from two threads (workqueue)
nor a fork afterwards (OpenMP), which is what a training's data loader does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from . import _translate

STEPS = 40
SHADOW_STEPS = 10

_OPERATIONS: dict[str, Any] = {
    "where": lambda condition, a, b: a if condition else b,
    "maximum": lambda a, b: a if a > b else b,
    "minimum": lambda a, b: a if a < b else b,
    "absolute": lambda a: abs(a),
    "sqrt": lambda a: np.sqrt(a),
    "floor": lambda a: np.floor(a),
}

# Distances have no NaN or infinity to respect, and float32 sums may be reordered into lanes.
_jit = njit(fastmath=True, error_model="numpy", nogil=True)

_trace = _translate.for_numba(_OPERATIONS, _jit)["trace"]


def _kernel(digest: int) -> Callable[..., None]:
    """The entry point that numba caches on disk.

    numba keys its cache by this file's date and the values it closes over: closing over the digest
    of the described head makes a change there compile anew.
    """

    @njit(cache=True, nogil=True, error_model="numpy")
    def kernel(table: Any, row: int, steps: int, shadow_steps: int, out: Any) -> None:
        if digest >= 0:
            _trace(table[row], steps, shadow_steps, out)

    return kernel


@cache
def _compiled() -> Callable[..., None]:
    return _kernel(_translate.source_digest())


def trace(
    parameters: NDArray[np.void], row: int, side: int, *, steps: int = STEPS,
    shadow_steps: int = SHADOW_STEPS,
) -> NDArray[np.float32]:
    """The picture of one row of parameters: (side, side, 4) float32, linear, premultiplied."""
    out = np.empty((side, side, 4), np.float32)
    _compiled()(parameters, row, steps, shadow_steps, out)
    return out
