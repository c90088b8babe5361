"""ONNX Runtime on `.ort` files, as reduced builds on phones read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eval.runtimes.onnx import inner_values

if TYPE_CHECKING:
    from components import Arrays, Runner
    from eval.programs import Program


class Ort:
    """See `eval.runtimes.Runtime`."""

    name = "ort"
    about = "ONNX Runtime, .ort, CPU"
    format, kind = "onnx", "ort"
    byte_images = False

    def require(self) -> None:
        """ONNX Runtime is always here."""

    def load(self, artifact: Path, component: str, threads: int) -> Runner:
        from export.onnx.run import load

        return load(artifact, component, "ort", threads=threads)

    def program(self, artifact: Path, component: str) -> Program:
        from eval.programs import ort as reader
        from export.artifact import open_artifact

        return reader.read(open_artifact(artifact).model(component, "ort"))

    def values(
        self, artifact: Path, component: str, inputs: Arrays
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Of the same operations, fused as they are in the file, as an ONNX model."""
        from eval.programs import ort_model
        from export.artifact import open_artifact

        path = open_artifact(artifact).model(component, "ort")
        yield from inner_values(ort_model.read(path), inputs)


RUNTIMES = (Ort,)
