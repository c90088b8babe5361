"""Apple's own framework on `.mlpackage`, on macOS, once for each compute unit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from components import Arrays, Runner
from eval.errors import UnavailableError
from eval.programs import Program
from eval.programs import coreml as reader
from export.artifact import open_artifact
from export.coreml.run import load


class AppleAll:
    """See `eval.runtimes.Runtime`. Pictures come in 8 bits, as an app gets them."""

    name = "apple-all"
    about = "Core ML by Apple's framework, whatever units it chooses"
    kind = "mlpackage"
    byte_images = True
    units = "ALL"

    def require(self) -> None:
        if sys.platform != "darwin":
            raise UnavailableError("Apple's Core ML framework exists on macOS only")

    def load(self, artifact: Path, component: str, threads: int) -> Runner:
        """The framework chooses its threads itself."""
        self.require()
        return load(artifact, component, "apple", units=self.units)

    def program(self, artifact: Path, component: str) -> Program:
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
