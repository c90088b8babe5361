"""Files that are sent to other machines of a Ray cluster."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray


@dataclass(frozen=True, kw_only=True)
class FileBundle:
    """A file or a folder.

    Attributes:
        name: Its name.
        digest: SHA-256 of its name and of its files' paths and contents.
        files: Ray's reference to the files' bytes, by their path in the folder; the path of a file
            that is sent by itself is empty.
    """

    name: str
    digest: str
    files: Any

    @classmethod
    def of(cls, path: Path) -> FileBundle:
        """Put a file or a folder into Ray's store.

        Law: `FileBundle.of(path).unpack(folder)` holds the files of `path`.
        """
        paths = sorted(path.rglob("*")) if path.is_dir() else [path]
        held = {
            "" if file == path else file.relative_to(path).as_posix(): file.read_bytes()
            for file in paths
            if file.is_file()
        }
        name = path.resolve().name
        total = hashlib.sha256(name.encode() + b"\0")
        for file_name, data in held.items():
            total.update(file_name.encode() + b"\0" + hashlib.sha256(data).digest())
        return cls(name=name, digest=total.hexdigest(), files=ray.put(held))

    def unpack(self, below: Path) -> Path:
        """Its path on this machine, below a folder; it is fetched once."""
        target = below / self.digest
        if not target.exists():
            below.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(dir=below))
            for name, data in ray.get(self.files).items():
                file = staging / self.name / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            try:
                os.rename(staging, target)
            except OSError:  # another process was quicker
                shutil.rmtree(staging)
        return target / self.name
