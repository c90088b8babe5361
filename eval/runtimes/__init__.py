"""What can run an artifact, by name. A new runtime is one file here and one line in `NAMES`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from components import Arrays, Runner
from eval.programs import Program
from export.manifest import Manifest


class Runtime(Protocol):
    """One way to run the components of an artifact.

    Attributes:
        name: As reports and gates name it.
        about: What it is and what it proves, in a line for people.
        kind: The kind of model file that it runs.
        byte_images: Whether its pictures come in steps of 1/255; the reference is rounded likewise.
    """

    name: str
    about: str
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


NAMES: Mapping[str, str] = {
    "onnx": "eval.runtimes.onnx:Onnx",
    "ort": "eval.runtimes.ort:Ort",
    "coreml_runtime": "eval.runtimes.coreml_anywhere:CoreMLAnywhere",
    "apple-cpu": "eval.runtimes.coreml_apple:AppleCpu",
    "apple-gpu": "eval.runtimes.coreml_apple:AppleGpu",
    "apple-ne": "eval.runtimes.coreml_apple:AppleNeuralEngine",
    "apple-all": "eval.runtimes.coreml_apple:AppleAll",
}
"""Their libraries are imported when they are asked for."""


def named(name: str) -> Runtime:
    """The runtime of that name."""
    module, _, attribute = NAMES[name].partition(":")
    made: Runtime = getattr(import_module(module), attribute)()
    return made


FORMATS: Mapping[str, tuple[str, ...]] = {
    "onnx": ("onnx", "ort"),
    "coreml": ("coreml_runtime", "apple-cpu", "apple-gpu", "apple-ne", "apple-all"),
}
"""Which runtimes an artifact of a format is tried in."""


def of(manifest: Manifest) -> tuple[Runtime, ...]:
    """The runtimes that an artifact has files for, whether this machine has them or not."""
    kinds = set.intersection(*(set(entry.models) for entry in manifest.components))
    found = (named(name) for name in FORMATS[manifest.format])
    return tuple(runtime for runtime in found if runtime.kind in kinds)
