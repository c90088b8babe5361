"""The runtimes: what can execute an artifact's components, each in a file of its own.

A runtime's name comes in; out come a description and a way to load components. Whoever asks which
runtimes there are asks here: the export's own check, the evaluation, and the command line. Every
file is imported to know the names, so no file imports a library before the library is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol

from export.errors import UnavailableError

if TYPE_CHECKING:
    from components import Runner
    from export.manifest import Manifest


class Runtime(Protocol):
    """One way to execute the components of an artifact.

    Attributes:
        name: As reports, gates and the command line name it.
        about: What it is, in a line for people.
        format: The format of the artifacts that it executes.
        kind: The kind of model file that it executes.
        byte_images: Whether its pictures come in steps of 1/255. The reference's pictures are then
            rounded in the same way before a comparison.
        opaque: Why it reveals no inner values; empty where the file can be computed value by value.
        checks_exports: Whether an export tries its result in it before publishing.
    """

    name: str
    about: str
    format: str
    kind: str
    byte_images: bool
    opaque: str
    checks_exports: bool

    def require(self) -> None:
        """Raise `UnavailableError` if this machine does not have the runtime."""

    def load(self, artifact: Path, component: str, threads: int = 0) -> Runner:
        """Load one component, ready to run.

        Args:
            artifact: The artifact's folder.
            component: The component's name.
            threads: Threads inside an operation; 0 lets the runtime choose.

        Raises:
            ArtifactError: The folder is not a whole artifact or lacks the component.
        """


@cache
def known() -> Mapping[str, type[Runtime]]:
    """Every runtime by name, in the order of the files here and of the list in each of them."""
    files = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return {kind.name: kind for file in files for kind in file.RUNTIMES}


def named(name: str) -> Runtime:
    """The runtime of that name; raises `KeyError` where there is none."""
    return known()[name]()


def of(manifest: Manifest) -> tuple[Runtime, ...]:
    """The runtimes that an artifact has files for, whether this machine has them or not."""
    kinds = set.intersection(*(set(entry.models) for entry in manifest.components))
    return tuple(runtime for runtime in of_format(manifest.format) if runtime.kind in kinds)


def is_here(runtime: Runtime) -> bool:
    """Whether this machine has a runtime."""
    try:
        runtime.require()
    except UnavailableError:
        return False
    return True


def of_format(name: str) -> tuple[Runtime, ...]:
    """The runtimes that execute artifacts of a format."""
    return tuple(kind() for kind in known().values() if kind.format == name)
