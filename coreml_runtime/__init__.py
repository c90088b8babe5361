"""Runs Core ML ML Programs (``.mlpackage``) as PyTorch modules, on any machine.

    model = coreml_runtime.load("decoder.mlpackage")
    model.predict({"latents": latents})["avatar"].save("avatar.png")

What a comparison with this room proves: the graph is right, the weights arrived, what compressed
them can be undone, and the precision that the program declares is enough. With
``precision="storage"`` every op computes in float32 and its result is rounded to the declared
type, which is what the format promises; ``precision="float32"`` leaves the rounding out, so that
errors of the graph and errors of rounding can be told apart.

What it does not prove: how a device computes. The Neural Engine and GPUs accumulate in their own
precision and order, fuse ops and may keep more, or fewer, bits between them than declared.

How it is built: :mod:`.package` opens the folder and :mod:`.blob` its weights, believing nothing;
:mod:`.program` turns protobuf into plain dataclasses; :mod:`.plan` binds each op, once, to the
function that :mod:`.ops` has registered under its name; :mod:`.model` runs the plan.
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
from .features import Feature
from .load import load
from .model import CoreMLModel
from .ops import registered_ops
from .state import State

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
