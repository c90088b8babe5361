"""Files on their way to another machine."""

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
class Parcel:
    """A file or a folder.

    Attributes:
        name: Its own.
        digest: SHA-256 of its name and of its files' paths and contents.
        files: Reference to its files' bytes, by their path in the folder; a file's own is empty.
    """

    name: str
    digest: str
    files: Any

    @classmethod
    def of(cls, path: Path) -> Parcel:
        """Law: what `Parcel.of(path).unpack(folder)` gives holds the files of `path`."""
        paths = sorted(path.rglob("*")) if path.is_dir() else [path]
        held = {
            "" if file == path else file.relative_to(path).as_posix(): file.read_bytes()
            for file in paths
            if file.is_file()
        }
        whole = path.resolve().name
        total = hashlib.sha256(whole.encode() + b"\0")
        for name, data in held.items():
            total.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
        return cls(name=whole, digest=total.hexdigest(), files=ray.put(held))

    def unpack(self, below: Path) -> Path:
        """Where it lies on this machine; it is fetched once."""
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
