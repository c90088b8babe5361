"""Copies of good artifacts, and what changes their files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from export import artifact
from export.artifact import MANIFEST


def copy(good: Path, to: Path) -> Path:
    """Copy an artifact without links, because runtimes refuse packages that contain links."""
    return Path(shutil.copytree(good, to))


def rewrite(path: Path, data: bytes) -> None:
    """Replace a file's contents, whatever its permissions are."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def sign(folder: Path) -> None:
    """Compute the hashes in the manifest's list of files anew."""
    artifact.close(folder, artifact.open_artifact(folder).manifest)


def edit_manifest(edit: Callable[[dict], None]) -> Callable[[Path], None]:
    """A planting that edits the manifest."""

    def plant(folder: Path) -> None:
        path = folder / MANIFEST
        values = json.loads(path.read_text(encoding="utf-8"))
        edit(values)
        path.write_text(json.dumps(values), encoding="utf-8")

    return plant
