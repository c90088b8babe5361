"""The Swift and Kotlin libraries, and the generator that joins them with an artifact.

An artifact and a language come in; out comes a package for apps: the hand-written library, one
source file made from the manifest, the model files, and golden vectors.
"""

from sdk_bindings.bundle import Bundle, open_bundle, render
from sdk_bindings.errors import LibraryError, SdkError, StaleError, UnsuitableArtifactError
from sdk_bindings.languages import KOTLIN, LANGUAGES, SWIFT, Language
from sdk_bindings.package import publish_package

__all__ = [
    "KOTLIN",
    "LANGUAGES",
    "SWIFT",
    "Bundle",
    "Language",
    "LibraryError",
    "SdkError",
    "StaleError",
    "UnsuitableArtifactError",
    "open_bundle",
    "publish_package",
    "render",
]
