"""`coreml_runtime` on `.mlpackage`: the program as it declares itself, computed in PyTorch.

It proves the graph, the weights, and that the declared precision is enough. It is not Apple's
arithmetic: the Neural Engine and GPUs accumulate and fuse in their own way.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components import Runner


class CoreMLRuntime:
    """See `export.runtimes.Runtime`."""

    name = "coreml_runtime"
    about = "Core ML program run by coreml_runtime in PyTorch: not Apple's arithmetic"
    format, kind = "coreml", "mlpackage"
    byte_images = False
    opaque = ""
    checks_exports = True

    def require(self) -> None:
        """It is always here."""

    def load(self, artifact: Path, component: str, threads: int = 0) -> Runner:
        """PyTorch has its threads for the whole process."""
        from export.coreml.run import load

        return load(artifact, component, "coreml_runtime")


RUNTIMES = (CoreMLRuntime,)
