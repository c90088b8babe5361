"""Apple's own framework on `.mlpackage`, on macOS, once for each choice of compute units."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from export.errors import UnavailableError

if TYPE_CHECKING:
    from components import Runner


class AppleAll:
    """See `export.runtimes.Runtime`. Pictures come in 8 bits, as an app gets them."""

    name = "apple-all"
    about = "Core ML by Apple's framework, whatever units it chooses"
    format, kind = "coreml", "mlpackage"
    byte_images = True
    opaque = "Apple's framework gives no inner values; see coreml_runtime"
    checks_exports = True
    units = "ALL"

    def require(self) -> None:
        if sys.platform != "darwin":
            raise UnavailableError("Apple's Core ML framework exists on macOS only")

    def load(self, artifact: Path, component: str, threads: int = 0) -> Runner:
        """The framework chooses its threads itself."""
        from export.coreml.run import load

        self.require()
        return load(artifact, component, "apple", units=self.units)


class AppleCpu(AppleAll):
    name, about, units = "apple-cpu", "Core ML by Apple's framework on the CPU", "CPU_ONLY"
    checks_exports = False


class AppleGpu(AppleAll):
    name, about, units = "apple-gpu", "Core ML by Apple's framework, CPU and GPU", "CPU_AND_GPU"
    checks_exports = False


class AppleNeuralEngine(AppleAll):
    name, about = "apple-ne", "Core ML by Apple's framework, CPU and Neural Engine"
    units = "CPU_AND_NE"
    checks_exports = False


RUNTIMES = (AppleCpu, AppleGpu, AppleNeuralEngine, AppleAll)
