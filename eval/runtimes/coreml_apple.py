"""Apple's own framework on `.mlpackage`, on macOS, once for each compute unit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eval.errors import UnavailableError

if TYPE_CHECKING:
    from components import Arrays, Runner
    from eval.programs import Program


class AppleAll:
    """See `eval.runtimes.Runtime`. Pictures come in 8 bits, as an app gets them."""

    name = "apple-all"
    about = "Core ML by Apple's framework, whatever units it chooses"
    format, kind = "coreml", "mlpackage"
    byte_images = True
    units = "ALL"

    def require(self) -> None:
        if sys.platform != "darwin":
            raise UnavailableError("Apple's Core ML framework exists on macOS only")

    def load(self, artifact: Path, component: str, threads: int) -> Runner:
        """The framework chooses its threads itself."""
        from export.coreml.run import load

        self.require()
        return load(artifact, component, "apple", units=self.units)

    def program(self, artifact: Path, component: str) -> Program:
        from eval.programs import coreml as reader
        from export.artifact import open_artifact

        return reader.read(open_artifact(artifact).model(component, "mlpackage"))

    def values(
        self, artifact: Path, component: str, inputs: Arrays
    ) -> Iterator[tuple[str, np.ndarray]]:
        raise NotImplementedError("Apple's framework gives no inner values; see coreml_runtime")


class AppleCpu(AppleAll):
    name, about, units = "apple-cpu", "Core ML by Apple's framework on the CPU", "CPU_ONLY"


class AppleGpu(AppleAll):
    name, about, units = "apple-gpu", "Core ML by Apple's framework, CPU and GPU", "CPU_AND_GPU"


class AppleNeuralEngine(AppleAll):
    name, about = "apple-ne", "Core ML by Apple's framework, CPU and Neural Engine"
    units = "CPU_AND_NE"


RUNTIMES = (AppleCpu, AppleGpu, AppleNeuralEngine, AppleAll)
