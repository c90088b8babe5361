"""A package ready to drop into an app: library, generated file, artifact, golden vectors.

| where in it | what |
| --- | --- |
| as in the library | the library without what building leaves there |
| `Language.generated` | the generated file |
| `Language.artifact` | what an app takes of the artifact, and nothing else |
| `required_operators_and_types.config` | where there is one: for a smaller ONNX Runtime |
| `golden/` | this room's golden vectors |
| `golden/artifact/` | the artifact's own, and its manifest |
| `pocket-avatar.json` | every file of the package, its size and SHA-256 |
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from export import FileEntry
from export.artifact import MANIFEST, files_of
from sdk_bindings.bundle import Bundle, render
from sdk_bindings.errors import LibraryError
from sdk_bindings.languages import GOLDEN, TEMPLATES, Language
from support.publish import publish

LISTING = "pocket-avatar.json"
OPERATORS = "required_operators_and_types.config"
"""What the build of ONNX Runtime reads to leave out everything that these models do not need."""
_HIDDEN = {".build", ".gradle", ".idea", ".kotlin", ".swiftpm", ".DS_Store"}
LEFT_BY_BUILDS = frozenset(_HIDDEN | {"__pycache__", "build", "target"})
"""Names of files and folders that are never part of a library."""


def publish_package(
    bundle: Bundle,
    language: Language,
    out: Path,
    *,
    golden: Path = GOLDEN,
    library: Path | None = None,
    templates: Path = TEMPLATES,
) -> int:
    """Write a package in one atomic step. Law: equal inputs give equal bytes.

    Args:
        bundle: The artifact's part that the app carries.
        language: The language of the package.
        out: Folder of the package.
        golden: Folder of the golden vectors.
        library: Folder of the library; None for the language's own.
        templates: Folder of the templates.

    Returns:
        Bytes of the package without its listing.

    Raises:
        LibraryError: Library, template or golden vectors are not all there.
        PublishError: The package cannot be put there; what was there stays.
    """
    library = library or language.library
    generated = render(bundle, language, templates)
    _require(library, "the library")
    _require(golden, "the golden vectors")
    with publish(out, marker=LISTING, kind=f"a package, which has {LISTING}") as folder:
        _copy_tree(library, folder, leave_out={language.generated, language.artifact, "golden"})
        _write(folder / language.generated, generated)
        for entry in bundle.files:
            _copy(bundle.artifact.folder / entry.path, folder / language.artifact / entry.path)
        for entry in files_of(bundle.manifest, OPERATORS):
            _copy(bundle.artifact.folder / entry.path, folder / entry.path)
        _copy_tree(golden, folder / "golden", leave_out={"artifact"})
        _copy_golden(bundle, folder / "golden" / "artifact")
        files = [_entry(folder, path) for path in sorted(_files(folder))]
        _write(folder / LISTING, _listing(bundle, language, files))
        return sum(entry.bytes for entry in files)


def library_files(library: Path) -> Iterator[Path]:
    """Paths of a library's files, relative to it, in no order, without what builds left there."""
    for path in library.iterdir():
        if path.name in LEFT_BY_BUILDS or path.suffix == ".lock":
            continue
        if path.is_symlink():
            raise LibraryError(f"{path} is a link; a package holds plain files only")
        if path.is_dir():
            yield from (Path(path.name) / inner for inner in library_files(path))
        else:
            yield Path(path.name)


def _copy_golden(bundle: Bundle, target: Path) -> None:
    source, golden = bundle.artifact.folder, bundle.manifest.golden
    _copy(source / MANIFEST, target / MANIFEST)
    for path in (golden.run, *golden.components.values()):
        _copy(source / path, target / Path(path).name)


def _copy_tree(source: Path, target: Path, *, leave_out: set[str]) -> None:
    for path in library_files(source):
        parents = {parent.as_posix() for parent in (path, *path.parents)}
        if not parents & leave_out:
            _copy(source / path, target / path)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    # Scripts stay executable; other differences of modes come from the checkout's umask.
    target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _files(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _entry(folder: Path, path: str) -> FileEntry:
    data = (folder / path).read_bytes()
    return FileEntry(path=path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _listing(bundle: Bundle, language: Language, files: list[FileEntry]) -> bytes:
    values = {
        "sdk": language.name,
        "version": bundle.manifest.version,
        "model": bundle.kind,
        "manifest_sha256": bundle.facts()["manifest_sha256"],
        "files": [asdict(entry) for entry in files],
    }
    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()


def _require(folder: Path, what: str) -> None:
    if not folder.is_dir() or not any(folder.iterdir()):
        raise LibraryError(f"{what} should lie in {folder}, which is missing or empty")
