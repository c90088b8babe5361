"""What model files hold, whatever their format.

A model file comes in; out come its operations in order, its constants unpacked, and every value
that one call computes. There is one reader for each kind of model file. Readers use the format's
own library and not what runs the file, so that a mistake of a reader and one of a runtime cannot
hide each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from components import Arrays
from eval.graphs.graph import Graph, Operation

READERS = {
    "mlpackage": "eval.graphs.coreml",
    "onnx": "eval.graphs.onnx",
    "ort": "eval.graphs.ort",
}
"""The module that reads a kind of model file; it is imported when it is first needed."""


def read(kind: str, path: Path) -> Graph:
    """Read a model file.

    Args:
        kind: The kind of model file, a key of `READERS`.
        path: The file, or the folder of an `.mlpackage`.

    Raises:
        NotImplementedError: Its constants cannot be read; the message says why.
    """
    graph: Graph = _reader(kind).read(path)
    return graph


def inner_values(kind: str, path: Path, inputs: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every value that one call computes, by the name that it has in the file's graph.

    Raises:
        NotImplementedError: The values cannot be read; the message says why.
    """
    yield from _reader(kind).inner_values(path, inputs)


def load_readers() -> None:
    """Import all readers now, with the libraries that they need."""
    for kind in READERS:
        _reader(kind)


def _reader(kind: str) -> Any:
    return import_module(READERS[kind])


__all__ = ["READERS", "Graph", "Operation", "inner_values", "load_readers", "read"]
