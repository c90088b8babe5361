"""Arrays kept on disk under what they were made from, so that nothing is computed twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save


class ArrayCache:
    """A folder of safetensors files.

    The folder may be deleted at any time; a file that is damaged is made anew.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str, make: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Return the arrays of a key; make and keep them where they are not there yet.

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
        """Whether the arrays of a key are there already."""
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
        # Not flushed to disk, which would take longer than some of the arrays take to compute: a
        # file that a power cut damages is made anew.
        partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
        partial.write_bytes(data)
        partial.replace(file)

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"
