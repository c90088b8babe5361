"""Components become an artifact, and an artifact is opened, verified and run again.

A checkpoint and a format come in; out comes a folder with a manifest, published in one step after
it was compared with the PyTorch reference. `export.exporter.export` does it (it imports PyTorch,
which this door does not); `export.coreml` and `export.onnx` are the two formats.
"""

from export.artifact import Artifact, open_artifact, verify
from export.entries import (
    ChunkedEntry,
    ComponentEntry,
    FileEntry,
    FunctionEntry,
    GoldenEntry,
    PreviewEntry,
    SamplerEntry,
    SamplerTableEntry,
    ScheduleEntry,
    SelfieRuleEntry,
    ShapesEntry,
    StyleEntry,
    TokenizerEntry,
)
from export.errors import (
    ArtifactError,
    ConversionError,
    ExportError,
    GateError,
    ManifestError,
    UnavailableError,
)
from export.manifest import Manifest

__all__ = [
    "Artifact",
    "ArtifactError",
    "ChunkedEntry",
    "ComponentEntry",
    "ConversionError",
    "ExportError",
    "FileEntry",
    "FunctionEntry",
    "GateError",
    "GoldenEntry",
    "Manifest",
    "ManifestError",
    "PreviewEntry",
    "SamplerEntry",
    "SamplerTableEntry",
    "ScheduleEntry",
    "SelfieRuleEntry",
    "ShapesEntry",
    "StyleEntry",
    "TokenizerEntry",
    "UnavailableError",
    "open_artifact",
    "verify",
]
