"""Everything that can go wrong in this room.

ExportError (UserError)
├── ArtifactError           a folder that is not an artifact, or not a whole one
│   └── ManifestError       its manifest.json cannot be read as one
├── ConversionError         a component cannot be expressed in the format
├── GateError               an artifact does not do what the reference does (exit code 1)
└── UnavailableError        this machine does not have the runtime
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.errors import UserError

if TYPE_CHECKING:
    from export.report import Row


class ExportError(UserError):
    """Base of the errors a caller can cause; its message is one clear line."""


class ArtifactError(ExportError):
    """The folder is not an artifact, or a file of it is missing, foreign or changed."""


class ManifestError(ArtifactError):
    """`manifest.json` is missing, not JSON, of another schema version, or malformed."""


class ConversionError(ExportError):
    """A component holds something that the format cannot express."""


class GateError(ExportError):
    """A gate failed, so nothing was published.

    Attributes:
        rows: The whole report, of which at least one row failed.
    """

    def __init__(self, rows: tuple[Row, ...]) -> None:
        worst = min((row for row in rows if not row.passed), key=lambda row: row.psnr - row.floor)
        super().__init__(
            f"{worst.name} run by {worst.runtime} has {worst.psnr:.1f} dB PSNR, "
            f"{worst.floor:.0f} dB are needed; nothing was published"
        )
        self.rows = rows


class UnavailableError(ExportError):
    """This machine does not have the runtime; the message says which machines do."""
