"""An artifact on disk: closing a staged folder with its manifest, opening one, verifying one."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from export import layouts
from export.entries import ComponentEntry, FileEntry
from export.errors import ArtifactError, ManifestError
from export.manifest import Manifest
from support.found_files import instead, is_macos_file, missing
from support.hashes import file_sha256

MANIFEST = "manifest.json"
"""Name of the file that makes a folder an artifact."""
DATA_SUFFIX = ".data"
"""What is added to a model file's name for the file beside it that holds its weights, if any."""
_KIND = f"an artifact, a folder with {MANIFEST} that `python -m export` published"


@dataclass(frozen=True)
class Artifact:
    """An opened artifact: its folder and its manifest."""

    folder: Path
    manifest: Manifest

    def component(self, name: str) -> ComponentEntry:
        """The entry of a component; raises `ManifestError` where there is none."""
        return self.manifest.component(name)

    def require_own_layout(self) -> None:
        """Raise `ArtifactError` where the files are arranged for other software alone."""
        if (found := layouts.about(self.manifest.options)) is not None:
            name, layout = found
            raise ArtifactError(
                f"{self.folder} has the layout {name}, which {layout.opened_by} opens; "
                f"this command needs one exported without --layout"
            )

    def model(self, component: str, kind: str) -> Path:
        """Path of a component's model file or package.

        Its files exist and have the sizes that the manifest names; `verify` also checks hashes.

        Args:
            component: The component's name.
            kind: The kind of model file: `onnx`, `ort` or `mlpackage`.

        Raises:
            ArtifactError: No such component or kind, or a file is missing or has another size.
        """
        models = self.component(component).models
        if kind not in models:
            has = ", ".join(models)
            raise ArtifactError(f"{self.folder} has no {kind} of {component}; it has {has}")
        for entry in files_of(self.manifest, models[kind]):
            _check_size(self.folder, entry)
        return self.folder / models[kind]


def open_artifact(folder: Path | str) -> Artifact:
    """Open a published artifact.

    Raises:
        ArtifactError: The folder is missing or is not an artifact.
    """
    folder = Path(folder)
    if not os.path.lexists(folder):
        raise ArtifactError(f"no artifact at {folder}")
    try:
        data = (folder / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ManifestError(instead(folder, markers=(MANIFEST,), expected=_KIND)) from None
    try:
        return Artifact(folder, Manifest.parse(data))
    except ManifestError as error:
        raise ManifestError(f"{folder}: {error}") from None


def close(folder: Path, manifest: Manifest) -> Manifest:
    """List every file of a staged folder in its manifest and write that last.

    Returns:
        The manifest as written.
    """
    files = tuple(_entry(folder, path) for path in _paths(folder) if path != MANIFEST)
    manifest = replace(manifest, files=files)
    (folder / MANIFEST).write_bytes(manifest.dump())
    return manifest


def verify(folder: Path | str) -> Artifact:
    """Check that an artifact is whole: its manifest is valid, no file missing, foreign or changed.

    Law: `verify` accepts what `close` left, and nothing that differs from it in any byte outside
    the manifest and what macOS leaves beside files (`.DS_Store`, `._NAME`).

    Raises:
        ArtifactError: Names the first thing wrong, by path.
    """
    artifact = open_artifact(folder)
    listed = {entry.path: entry for entry in artifact.manifest.files}
    if len(listed) != len(artifact.manifest.files):
        raise ManifestError("the manifest lists a file twice")
    present = set(_paths(artifact.folder)) - {MANIFEST}
    for path in sorted(listed.keys() | present):
        if path not in listed:
            raise ArtifactError(f"{path} is not in the manifest")
        _check_size(artifact.folder, listed[path])
        if file_sha256(artifact.folder / path) != listed[path].sha256:
            raise ArtifactError(f"{path} was changed: its SHA-256 differs from the manifest's")
    _check_references(artifact.manifest)
    return artifact


def files_of(manifest: Manifest, path: str) -> tuple[FileEntry, ...]:
    """The manifest's entries of a model: a file and its weights beside it, or a folder's files.

    Args:
        manifest: The artifact's manifest.
        path: Path of the file or folder, relative to the artifact.
    """
    inside, exact = f"{path}/", (path, f"{path}{DATA_SUFFIX}")
    return tuple(e for e in manifest.files if e.path in exact or e.path.startswith(inside))


def _check_references(manifest: Manifest) -> None:
    """Raise `ManifestError` unless everything the manifest points to is among its files."""
    vectors = [manifest.golden, *(function.golden for function in manifest.functions)]
    golden = [path for each in vectors for path in (each.run, *each.components.values())]
    models = [path for entry in manifest.components for path in entry.models.values()]
    tokenizers = (t for t in (manifest.tokenizer, manifest.tokenizer_2) if t is not None)
    text = [path for entry in tokenizers for path in (entry.vocabulary, entry.merges)]
    for path in (*models, *golden, *text):
        if not files_of(manifest, path):
            raise ManifestError(f"the manifest points to {path}, which it does not list")


def _check_size(folder: Path, entry: FileEntry) -> None:
    path = folder / entry.path
    # A link could lead outside, and its target could change unseen: an artifact has none. For names
    # that no file can have, these two functions return False where pathlib raises.
    if os.path.islink(path) or not os.path.isfile(path):
        raise ArtifactError(f"{entry.path} {missing(path)}")
    size = path.stat().st_size
    if size != entry.bytes:
        raise ArtifactError(f"{entry.path} has {size} bytes, the manifest says {entry.bytes}")


def _paths(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    inside = (path.relative_to(folder) for path in found)
    return sorted(path.as_posix() for path in inside if not any(map(is_macos_file, path.parts)))


def _entry(folder: Path, path: str) -> FileEntry:
    full = folder / path
    return FileEntry(path=path, bytes=full.stat().st_size, sha256=file_sha256(full))
