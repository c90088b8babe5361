"""The largest number that occurs while PyTorch computes: whether fp16 could hold it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_MASK = 1e38
"""Numbers from here on stand for minus infinity, as attention masks have it."""


class _Watch(TorchDispatchMode):
    """Looks at every result of every operation."""

    def __init__(self) -> None:
        super().__init__()
        self.value, self.operation = 0.0, ""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, tuple | list) else (result,):
            largest = _largest(value) if _counts(value, func) else 0.0
            if largest > self.value:
                self.value, self.operation = largest, str(func.overloadpacket.__name__)
        return result


def _counts(value: Any, func: Any) -> bool:
    """Whether a result is new numbers, and not another view of old ones."""
    if not isinstance(value, torch.Tensor) or func.is_view:
        return False
    return value.is_floating_point() and value.numel() > 0


def _largest(value: torch.Tensor) -> float:
    """The largest absolute value that is no mask."""
    lowest, highest = (float(end) for end in value.aminmax())
    if lowest > -_MASK and highest < _MASK:
        return max(-lowest, highest)
    kept = value[value.abs() < _MASK]
    return _largest(kept) if kept.numel() else 0.0


@contextmanager
def watched() -> Iterator[Callable[[], dict[str, Any]]]:
    """Watch all that PyTorch computes while open.

    Yields:
        A function that returns the largest absolute `value` so far, and the `operation` that gave
        it. What a fused operation computes inside, such as attention's scores, is not seen.
    """
    with _Watch() as watch:
        yield lambda: {"value": watch.value, "operation": watch.operation}
