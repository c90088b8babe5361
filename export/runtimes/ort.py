"""ONNX Runtime on `.ort` files, as reduced builds on phones read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components import Runner


class Ort:
    """See `export.runtimes.Runtime`."""

    name = "ort"
    about = "ONNX Runtime, .ort, CPU"
    format, kind = "onnx", "ort"
    byte_images = False
    opaque = ""
    checks_exports = True

    def require(self) -> None:
        """ONNX Runtime is always here."""

    def load(self, artifact: Path, component: str, threads: int = 0) -> Runner:
        from export.onnx.run import load

        return load(artifact, component, "ort", threads=threads)


RUNTIMES = (Ort,)
