"""The download cache of Hugging Face's hub, of which users name a checkpoint's folder.

It keeps `models--OWNER--NAME/` with `blobs/` (contents), `refs/` (names of versions) and
`snapshots/VERSION/`, where files are links to contents. A snapshot is a folder like any other.
"""

from __future__ import annotations

import os
from pathlib import Path

from support.errors import SnapshotError
from support.found_files import is_system_file


def snapshot(folder: Path) -> Path:
    """The folder itself, or the snapshot that is meant where it is a download of the cache.

    That is the snapshot that `refs/main` names, else the only one.

    Raises:
        SnapshotError: There are several and none is the main one, or there is none.
    """
    if not os.path.isdir(folder / "snapshots"):  # where pathlib raises for odd names
        return folder
    held = sorted(
        path
        for path in (folder / "snapshots").iterdir()
        if path.is_dir() and not is_system_file(path.name)
    )
    try:
        name = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        name = ""
    chosen = [path for path in held if path.name == name] or held
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(path.name for path in held[:5]) or "none"
    raise SnapshotError(
        f"{folder} is a download of Hugging Face's cache with these snapshots: {names}; expected "
        f"one, or one that refs/main names: name the folder of one"
    )
