"""The languages there are libraries for, and where in each everything lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOM = Path(__file__).parent
GOLDEN = ROOM / "golden"
TEMPLATES = ROOM / "templates"


@dataclass(frozen=True, kw_only=True)
class Language:
    """One library; paths with `/`, relative to it.

    Attributes:
        name: Its folder in this room, and its command.
        title: Its name for people.
        template: What the generated file is made from, in `templates/`.
        generated: The generated file.
        artifact: Where a published package holds the artifact.
        kinds: What kinds of model it can run.
        sources: The folders of what becomes part of an app.
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
        """The hand-written library in this room."""
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
