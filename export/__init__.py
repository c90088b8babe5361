"""Components to an artifact, and an artifact run again."""

from export.artifact import Artifact, open_artifact, verify
from export.errors import (
    ArtifactError,
    ConversionError,
    ExportError,
    FidelityError,
    ManifestError,
    UnavailableError,
)
from export.manifest import ComponentEntry, FileEntry, GoldenEntry, Manifest

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
    "UnavailableError",
    "open_artifact",
    "verify",
]
