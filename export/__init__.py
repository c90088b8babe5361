"""Components to an artifact, and an artifact run again."""

from export.artifact import Artifact, open_artifact, verify
from export.entries import (
    ComponentEntry,
    FileEntry,
    GoldenEntry,
    SamplerEntry,
    SamplerTableEntry,
    SelfieRuleEntry,
    StyleEntry,
)
from export.errors import (
    ArtifactError,
    ConversionError,
    ExportError,
    FidelityError,
    ManifestError,
)
from export.manifest import Manifest

__all__ = [
    "Artifact",
    "ArtifactError",
    "ComponentEntry",
    "ConversionError",
    "ExportError",
    "FidelityError",
    "FileEntry",
    "GoldenEntry",
    "Manifest",
    "ManifestError",
    "SamplerEntry",
    "SamplerTableEntry",
    "SelfieRuleEntry",
    "StyleEntry",
    "open_artifact",
    "verify",
]
