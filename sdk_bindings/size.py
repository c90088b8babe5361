"""How much an app grows by library, model and runtime: measured, or named as not measured."""

from __future__ import annotations

import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from sdk_bindings.bundle import Bundle
from sdk_bindings.languages import Language
from sdk_bindings.package import OPERATORS, library_files


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of what an app grows by.

    Attributes:
        name: Name for people.
        bytes: Size; None where it cannot be measured on this machine.
        about: How it was measured, or why it was not.
    """

    name: str
    bytes: int | None
    about: str


def growth(bundle: Bundle, language: Language, library: Path | None = None) -> tuple[Part, ...]:
    """The parts that an app grows by: library, model files and runtime, in this order."""
    library = library or language.library
    return (*_library(language, library), _model(bundle), _runtime(bundle, language, library))


def _library(language: Language, library: Path) -> tuple[Part, ...]:
    inside = [p for p in library_files(library) if p.as_posix().startswith(language.sources)]
    total = sum((library / path).stat().st_size for path in inside)
    built = sorted(library.glob("*/target/*.aar"))
    parts = [
        Part(name="library, source", bytes=total, about=f"{len(inside)} files, before compiling")
    ]
    parts += [
        Part(name=f"library, {path.name}", bytes=path.stat().st_size, about="as last built here")
        for path in built
    ]
    return tuple(parts)


def _model(bundle: Bundle) -> Part:
    total = sum(entry.bytes for entry in bundle.files)
    return Part(name="model", bytes=total, about=f"{bundle.kind} files and the model card")


def _runtime(bundle: Bundle, language: Language, library: Path) -> Part:
    if bundle.kind == "mlpackage":
        return Part(name="runtime", bytes=0, about="Core ML is part of iOS and macOS")
    found = _native_library(library) if language.name == "kotlin" else None
    if found is None:
        return Part(
            name="runtime", bytes=None, about=f"ONNX Runtime is not on this machine; {_BUILD}"
        )
    name, size = found
    return Part(
        name="runtime",
        bytes=size,
        about=f"ONNX Runtime for Linux ({name}); a phone's is not on this machine; {_BUILD}",
    )


_BUILD = f"a build of your own with {OPERATORS} is smaller"


def _native_library(library: Path) -> tuple[str, int] | None:
    """ONNX Runtime's library for Linux in Maven's repository, of the version that the build names.

    Returns:
        The archive's name with the architecture, and the library's bytes; None where Maven's
        repository does not have it.
    """
    pom = library / "pom.xml"
    text = pom.read_text(encoding="utf-8") if pom.is_file() else ""
    version = re.search(r"<onnxruntime\.version>([^<]+)<", text)
    if version is None:
        return None
    home = Path(os.environ.get("MAVEN_REPOSITORY", Path.home() / ".m2" / "repository"))
    where = home / "com/microsoft/onnxruntime/onnxruntime" / version[1]
    jar = where / f"onnxruntime-{version[1]}.jar"
    if not jar.is_file():
        return None
    with zipfile.ZipFile(jar) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith("linux-x64/libonnxruntime.so"):
                return f"{jar.name}, x86-64", entry.file_size
    return None
