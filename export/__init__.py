"""Components to an artifact, and an artifact run again."""

from export.artifact import Artifact, open_artifact, verify
from export.errors import (
    ArtifactError,
    ConversionError,
    ExportError,
    FidelityError,
    ManifestError,
    PublishError,
)
from export.manifest import ComponentEntry, FileEntry, Manifest

__all__ = [
    "Artifact",
    "ArtifactError",
    "ComponentEntry",
    "ConversionError",
    "ExportError",
    "FidelityError",
    "FileEntry",
    "Manifest",
    "ManifestError",
    "PublishError",
    "open_artifact",
    "verify",
]
