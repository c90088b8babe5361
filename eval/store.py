"""Arrays kept on disk by what they were made from, so that nothing is computed twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from support.version import version

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
        held = self.read(key)
        try:
            return load(held or b"")
        except SafetensorError:
            made = {name: np.ascontiguousarray(array) for name, array in make().items()}
            self.write(key, save(made))
            return made

    def holds(self, key: str) -> bool:
        """Whether a key is there already."""
        return self._file(key).is_file()

    def read(self, key: str) -> bytes | None:
        """The file of a key; None where there is none."""
        try:
            return self._file(key).read_bytes()
        except OSError:
            return None

    def write(self, key: str, data: bytes) -> None:
        """Keep the file of a key; several processes may do so at once."""
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
        partial.write_bytes(data)
        partial.replace(file)

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"


@cache
def software(rooms: Sequence[str] = ROOMS) -> str:
    """SHA-256 of this software's version and of the code that the reference runs, so that a changed
    network is not compared with what the old one gave."""
    total = hashlib.sha256(version().encode())
    root = Path(__file__).resolve().parent.parent
    for room in rooms:
        for path in sorted((root / room).rglob("*.py")):
            total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
