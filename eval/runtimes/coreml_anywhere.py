"""`coreml_runtime` on `.mlpackage`: what the program declares, computed in PyTorch on any system.

It proves the graph, the weights and that the declared precision is enough. It is not Apple's
arithmetic: the Neural Engine and GPUs accumulate and fuse in their own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from components import Arrays, Runner
    from eval.programs import Program


class CoreMLAnywhere:
    """See `eval.runtimes.Runtime`."""

    name = "coreml_runtime"
    about = "Core ML program run by coreml_runtime in PyTorch: not Apple's arithmetic"
    format, kind = "coreml", "mlpackage"
    byte_images = False

    def require(self) -> None:
        """It runs everywhere."""

    def load(self, artifact: Path, component: str, threads: int) -> Runner:
        """PyTorch's threads are the process': `threads` is set by whoever runs the evaluation."""
        from export.coreml.run import load

        return load(artifact, component, "coreml_runtime")

    def program(self, artifact: Path, component: str) -> Program:
        from eval.programs import coreml as reader
        from export.artifact import open_artifact

        return reader.read(open_artifact(artifact).model(component, "mlpackage"))

    def values(
        self, artifact: Path, component: str, inputs: Arrays
    ) -> Iterator[tuple[str, np.ndarray]]:
        import torch

        import coreml_runtime
        from export.artifact import open_artifact

        model = coreml_runtime.load(open_artifact(artifact).model(component, "mlpackage"))
        for name, value in model.trace(inputs):
            if isinstance(value, torch.Tensor):
                yield name, value.float().numpy()


RUNTIMES = (CoreMLAnywhere,)
