"""The machine and the software that evaluate."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from eval.schema import Environment
from support.version import code_digest, version

LIBRARIES = ("torch", "numpy", "onnxruntime", "onnx", "coremltools", "diffusers")

EVALUATED_BY = (
    "avatar",
    "components",
    "coreml_runtime",
    "eval",
    "export",
    "quantization",
    "support",
)
"""The rooms whose code decides what an evaluation finds."""


def describe_environment(
    *, threads: int, started: str, seconds: float, peak_bytes: int
) -> Environment:
    """This machine and these libraries.

    Args:
        threads: Threads inside an operation.
        started: When the evaluation started, ISO 8601 in UTC.
        seconds: How long it took.
        peak_bytes: The largest resident memory of all processes.
    """
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
    """A name for all that runs and measures an artifact: code, libraries, threads, processor."""
    libraries = [metadata.version(name) for name in LIBRARIES]
    text = f"{code_digest(EVALUATED_BY)} {libraries} {threads} {_processor()}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _processor() -> str:
    """The processor's name, where the system tells it."""
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = (line.partition(":")[2].strip() for line in lines if "model name" in line)
        return next(names, platform.machine())
    return platform.processor() or platform.machine()
