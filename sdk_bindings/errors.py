"""Everything that can go wrong in this room.

SdkError (UserError)
├── UnsuitableArtifactError   whole, but not what an app of that language can use
├── LibraryError              the library's own files are not all there
└── StaleError                a generated file in the tree is not what its artifact gives
"""

from __future__ import annotations

from support.errors import UserError


class SdkError(UserError):
    """Base of the errors a caller can cause; its message is one clear line."""


class UnsuitableArtifactError(SdkError):
    """The artifact is of another pipeline or format, or lacks what an app needs."""


class LibraryError(SdkError):
    """A language's library, its template or its golden vectors are not where they belong."""


class StaleError(SdkError):
    """A generated file in the tree differs from what its artifact gives."""
