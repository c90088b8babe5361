"""The languages that have a library, and where its parts lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOM = Path(__file__).parent
GOLDEN = ROOM / "golden"
TEMPLATES = ROOM / "templates"


@dataclass(frozen=True, kw_only=True)
class Language:
    """One library. Paths have `/` and are relative to the library's folder.

    Attributes:
        name: Name of the library's folder in this room, and of its command.
        title: Name for people.
        template: File in `templates/` that the generated file is rendered from.
        generated: Path of the generated file.
        artifact: Folder of a published package that holds the artifact.
        kinds: The kinds of model file that the library can run.
        sources: Folders whose files become part of an app.
    """

    name: str
    title: str
    template: str
    generated: str
    artifact: str
    kinds: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def library(self) -> Path:
        """Folder of the hand-written library in this room."""
        return ROOM / self.name


SWIFT = Language(
    name="swift",
    title="Swift package",
    template="Bundled.swift.j2",
    generated="Sources/AvatarStudio/Generated/Bundled.swift",
    artifact="Sources/AvatarStudio/Artifact",
    kinds=("mlpackage", "onnx", "ort"),
    sources=("Sources/AvatarStudio",),
)
KOTLIN = Language(
    name="kotlin",
    title="Kotlin library",
    template="Bundled.kt.j2",
    generated="core/src/main/kotlin/pocketavatar/generated/Bundled.kt",
    artifact="artifact",
    kinds=("onnx", "ort"),
    sources=("core/src/main", "android/src/main"),
)
LANGUAGES = {language.name: language for language in (SWIFT, KOTLIN)}
