"""Runs Core ML ML Programs (``.mlpackage``) as PyTorch modules, on any machine.

    model = coreml_runtime.load("decoder.mlpackage")
    model.predict({"latents": latents})["avatar"].save("avatar.png")

A comparison of its results with the original network proves that the graph is right, that the
weights arrived, that compressed weights can be decompressed, and that the declared precision is
enough. With ``precision="storage"`` every op computes in float32 and its result is rounded to the
declared type, which is what the format promises. ``precision="float32"`` does not round, so that
errors of the graph and errors of rounding can be told apart.

It does not prove how a device computes. The Neural Engine and GPUs accumulate in their own
precision and order, fuse ops, and may keep more or fewer bits between them than declared.

The path of a package: :mod:`.package` reads and checks the folder; :mod:`.planning` binds each op
once, at load, to a function of :mod:`.ops`; :mod:`.execution` runs the plan; :mod:`.models` is the
interface around it. :mod:`.numerics` has the element types and the rounding.
"""

from .errors import (
    CoreMLRuntimeError,
    ExecutionError,
    InputError,
    PackageError,
    PackagePathError,
    ProgramError,
    UnsupportedModelError,
    UnsupportedOpError,
    WeightsError,
)
from .loading import load
from .models import CoreMLModel, State
from .ops import registered_ops
from .package import Feature

__all__ = [
    "CoreMLModel",
    "CoreMLRuntimeError",
    "ExecutionError",
    "Feature",
    "InputError",
    "PackageError",
    "PackagePathError",
    "ProgramError",
    "State",
    "UnsupportedModelError",
    "UnsupportedOpError",
    "WeightsError",
    "load",
    "registered_ops",
]
