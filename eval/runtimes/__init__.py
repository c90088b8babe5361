"""What can run an artifact, by name. A new runtime is one file here, which lists it in `RUNTIMES`.

Every file is imported to know its names, so none imports a library before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from components import Arrays, Runner
    from eval.programs import Program
    from export.manifest import Manifest


class Runtime(Protocol):
    """One way to run the components of an artifact.

    Attributes:
        name: As reports and gates name it.
        about: What it is and what it proves, in a line for people.
        format: The format of the artifacts that it is tried on.
        kind: The kind of model file that it runs.
        byte_images: Whether its pictures come in steps of 1/255; the reference is rounded likewise.
    """

    name: str
    about: str
    format: str
    kind: str
    byte_images: bool

    def require(self) -> None:
        """Raises `UnavailableError` where this machine does not have it."""

    def load(self, artifact: Path, component: str, threads: int) -> Runner:
        """One component, ready to run; `threads` inside an operation."""

    def program(self, artifact: Path, component: str) -> Program:
        """What the model file holds: operations in order, and constants unpacked."""

    def values(
        self, artifact: Path, component: str, inputs: Arrays
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Every value that one call computes, by the name it has in `program`.

        Raises:
            NotImplementedError: The runtime tells none; the message says why.
        """


@cache
def known() -> Mapping[str, type[Runtime]]:
    """Every runtime by name, in the order of the files here and of what each of them lists."""
    files = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return {kind.name: kind for file in files for kind in file.RUNTIMES}


def named(name: str) -> Runtime:
    """The runtime of that name."""
    return known()[name]()


def of(manifest: Manifest) -> tuple[Runtime, ...]:
    """The runtimes that an artifact has files for, whether this machine has them or not."""
    kinds = set.intersection(*(set(entry.models) for entry in manifest.components))
    found = (kind for kind in known().values() if kind.format == manifest.format)
    return tuple(kind() for kind in found if kind.kind in kinds)
