"""Runs Core ML ML Programs (``.mlpackage``) as PyTorch modules, on any machine."""

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
from .model import CoreMLModel, load
from .ops import registered_ops

__all__ = [
    "CoreMLModel",
    "CoreMLRuntimeError",
    "ExecutionError",
    "Feature",
    "InputError",
    "PackageError",
    "PackagePathError",
    "ProgramError",
    "UnsupportedModelError",
    "UnsupportedOpError",
    "WeightsError",
    "load",
    "registered_ops",
]
