"""Arrays kept on disk by what they were made from, so that nothing is computed twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from components import atomic
from export.version import version

ROOMS = ("avatar", "components", "quantization")
"""Whose code decides what the reference gives."""


class Store:
    """A folder of safetensors files. It may be deleted; what is damaged is made anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str, make: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """The arrays of a key, made where they are not there yet.

        Law: `get(key, make) == make()`, as long as the key names all that decides `make`.
        """
        file = self.folder / f"{key}.safetensors"
        try:
            return load_file(file)
        except (OSError, SafetensorError):
            made = {name: np.ascontiguousarray(array) for name, array in make().items()}
            atomic.write(file, save(made))
            return made


@cache
def software() -> str:
    """SHA-256 of this software's version and of the code that the reference runs, so that a changed
    network is not compared with what the old one gave."""
    total = hashlib.sha256(version().encode())
    root = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
