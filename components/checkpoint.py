"""Reading a diffusers checkpoint folder: which pipeline it is, and a hash of what it holds."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from components.errors import CheckpointError

INDEX = "model_index.json"
"""The file that names a checkpoint's pipeline class."""
HASHED_SUFFIXES = (".json", ".safetensors", ".txt", ".model")
"""Files that decide how a checkpoint behaves. The model card is not one of them, so that it may be
reworded without changing the hash."""
UNSAFE_SUFFIXES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
"""Pickled weights, which are never read."""
_POINTER = b"version https://git-lfs.github.com/spec/"
"""How the text begins that git-LFS leaves in the place of a file that was not fetched."""


def read_index(checkpoint: Path) -> dict[str, Any]:
    """The parsed `model_index.json` of a checkpoint.

    Raises:
        CheckpointError: There is no such folder or file, or it is not a JSON object that names a
            pipeline class.
    """
    if not checkpoint.is_dir():
        raise CheckpointError(f"no checkpoint folder at {checkpoint}")
    index = read_json(checkpoint / INDEX)
    if not isinstance(index.get("_class_name"), str):
        raise CheckpointError(f"{checkpoint / INDEX} names no pipeline class")
    return index


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a checkpoint.

    Raises:
        CheckpointError: There is no such file, or it is not a JSON object.
    """
    try:
        require_no_pointer(path)
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{path.parent} has no {path.name}: not a checkpoint") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None
    except RecursionError:
        raise CheckpointError(f"{path} is not JSON that a checkpoint has: too deep") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is not a JSON object")
    return value


def require_safetensors(folder: Path) -> None:
    """Raise `CheckpointError` unless `folder` holds safetensors weights.

    Pickled weights run code when they are opened, so they are never read.
    """
    if any(folder.glob("*.safetensors")):
        return
    if any(path.suffix in UNSAFE_SUFFIXES for path in folder.glob("*")):
        raise CheckpointError(f"{folder} holds pickled weights; only safetensors are read")
    raise CheckpointError(f"{folder} holds no safetensors weights")


def require_no_pointer(path: Path) -> None:
    """Raise `CheckpointError` if a file is the pointer that git-LFS leaves for one not fetched.

    Raises:
        OSError: There is no such file.
    """
    with path.open("rb") as stream:
        if stream.read(len(_POINTER)) == _POINTER:
            raise CheckpointError(
                f"{path} is a git-LFS pointer, expected the file itself: run `git lfs pull`"
            )


def files(checkpoint: Path) -> list[tuple[str, Path]]:
    """Every file below a checkpoint, as its POSIX path relative to it and its place, sorted.

    Links to files and folders are followed: what a loader would read belongs to the checkpoint.

    Raises:
        CheckpointError: A link leads nowhere, or to a folder that holds it.
    """
    found: list[tuple[str, Path]] = []
    _collect(checkpoint, "", (), found)
    return sorted(found)


def _collect(
    folder: Path, prefix: str, above: tuple[str, ...], found: list[tuple[str, Path]]
) -> None:
    """Add the files below `folder`; `above` holds the real paths of the folders it lies in."""
    real = os.path.realpath(folder)
    if real in above:
        raise CheckpointError(f"{folder} is a circular link: it leads to a folder that holds it")
    for path in folder.iterdir():
        name = f"{prefix}{path.name}"
        if path.is_symlink() and not path.exists():
            raise CheckpointError(f"{path} is a link to {os.readlink(path)}, which is not there")
        if path.is_dir():
            _collect(path, f"{name}/", (*above, real), found)
        elif path.is_file():
            found.append((name, path))


def fingerprint(checkpoint: Path) -> str:
    """SHA-256 over the paths and contents of a checkpoint's configuration and weight files.

    Law: it depends on what is in the folder and in what its links lead to, not on where the folder
    is, when it was written, or which of its files are links. Equal fingerprints mean equal files.

    Raises:
        CheckpointError: A link leads nowhere, or to a folder that holds it.
    """
    total = hashlib.sha256()
    for name, path in files(checkpoint):
        if path.suffix in HASHED_SUFFIXES:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            total.update(f"{name}\0{digest}\n".encode())
    return total.hexdigest()
