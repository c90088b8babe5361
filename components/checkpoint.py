"""Reading a diffusers checkpoint folder: which pipeline it is, and a hash of what it holds."""

from __future__ import annotations

import hashlib
import json
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
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} has no {path.name}: not a checkpoint") from None
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


def fingerprint(checkpoint: Path) -> str:
    """SHA-256 over the paths and contents of a checkpoint's configuration and weight files.

    Law: it depends on what is in the folder, not on where the folder is or when it was written.
    """
    total = hashlib.sha256()
    files = [path for path in checkpoint.rglob("*") if path.suffix in HASHED_SUFFIXES]
    for path in sorted(files, key=lambda path: path.relative_to(checkpoint).as_posix()):
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        total.update(f"{path.relative_to(checkpoint).as_posix()}\0{digest}\n".encode())
    return total.hexdigest()
