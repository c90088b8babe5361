"""ONNX Runtime on `.onnx` files: the official build's CPU kernels, as on any desktop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components import Runner


class Onnx:
    """See `export.runtimes.Runtime`."""

    name = "onnx"
    about = "ONNX Runtime, .onnx, CPU"
    format, kind = "onnx", "onnx"
    byte_images = False
    opaque = ""
    checks_exports = True

    def require(self) -> None:
        """ONNX Runtime is always here."""

    def load(self, artifact: Path, component: str, threads: int = 0) -> Runner:
        from export.onnx.run import load

        return load(artifact, component, "onnx", threads=threads)


RUNTIMES = (Onnx,)
