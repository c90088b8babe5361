"""One shortcut: the table of what ONNX has for PyTorch's operators is made once in a process.

PyTorch makes it anew for each export, which takes a second: the sources of two thousand functions
are read. An export only looks things up in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from torch.onnx._internal.exporter._registration import ONNXRegistry

_made = cache(ONNXRegistry.from_torchlib)


@contextmanager
def operators_known_once() -> Iterator[None]:
    """While open, exports in this process use the table that the first one made."""
    original = vars(ONNXRegistry)["from_torchlib"]

    def table(cls: Any, opset_version: int) -> ONNXRegistry:
        return _made(opset_version)

    registry: Any = ONNXRegistry
    registry.from_torchlib = classmethod(table)
    try:
        yield
    finally:
        registry.from_torchlib = original
