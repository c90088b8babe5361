"""Everything that can go wrong in this room.

ExportError (UserError)
├── ArtifactError           a folder that is not an artifact, or not a whole one
│   └── ManifestError       its manifest.json cannot be read as one
├── ConversionError         a component cannot be expressed in the format
├── FidelityError           an artifact does not do what the reference does (exit code 1)
└── UnavailableError        this machine does not have the runtime
"""

from __future__ import annotations

from support.errors import UserError


class ExportError(UserError):
    """Base of the errors a caller can cause; its message is one clear line."""


class ArtifactError(ExportError):
    """The folder is not an artifact, or a file of it is missing, foreign or changed."""


class ManifestError(ArtifactError):
    """`manifest.json` is missing, not JSON, of another schema version, or malformed."""


class ConversionError(ExportError):
    """A component holds something that the format has no way to say."""


class FidelityError(ExportError):
    """A gate failed: the artifact does not do what the reference does."""


class UnavailableError(ExportError):
    """This machine does not have the runtime; the message says which machines do."""
