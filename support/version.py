"""Versions, as they stand in manifests and model files, and a digest of the code itself."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "pocket-avatar"


def version() -> str:
    """This software's version; `0` when it runs from a source tree that was never installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0"


def public_version(text: str) -> str:
    """A version without its local build tag: `2.13.0+cu130` is `2.13.0` (PEP 440).

    The tag names the build (CPU, CUDA), which changes no byte of an export.
    """
    return text.split("+", 1)[0]


@cache
def code_digest(rooms: Sequence[str]) -> str:
    """SHA-256 of this software's version and of the Python code of some rooms.

    What is kept under it was made by exactly this code.

    Args:
        rooms: Names of top-level folders, as a tuple.
    """
    total = hashlib.sha256(version().encode())
    root = Path(__file__).resolve().parents[1]
    for room in rooms:
        for path in sorted((root / room).rglob("*.py")):
            total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
