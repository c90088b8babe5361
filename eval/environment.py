"""Where an evaluation ran."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from eval.results import Environment
from eval.store import software
from support.version import version

LIBRARIES = ("torch", "numpy", "onnxruntime", "onnx", "coremltools", "diffusers")


def describe(*, threads: int, started: str, seconds: float, peak_bytes: int) -> Environment:
    """This machine and these libraries. `started` is ISO 8601, UTC."""
    return Environment(
        version=version(),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        threads=threads,
        libraries={name: metadata.version(name) for name in LIBRARIES},
        started=started,
        seconds=seconds,
        peak_bytes=peak_bytes,
    )


def digest(threads: int) -> str:
    """Names what runs and measures an artifact: this software, the libraries, the threads."""
    rooms = ("avatar", "components", "coreml_runtime", "eval", "export", "quantization")
    libraries = [metadata.version(name) for name in LIBRARIES]
    told = f"{software(rooms)} {libraries} {threads} {_processor()}"
    return hashlib.sha256(told.encode()).hexdigest()[:20]


def _processor() -> str:
    """The processor's name, where the system tells it."""
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = (line.partition(":")[2].strip() for line in lines if "model name" in line)
        return next(names, platform.machine())
    return platform.processor() or platform.machine()
