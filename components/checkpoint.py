"""Reading a diffusers checkpoint folder: which pipeline it is, and a hash of what it holds."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.errors import CheckpointError
from components.foreign import PICKLES, pickled, refusal
from support.errors import UserError
from support.found_files import is_system_file, missing
from support.hashes import file_sha256
from support.hub_cache import snapshot

INDEX = "model_index.json"
"""The file that names a checkpoint's pipeline class."""
HASHED_SUFFIXES = (".json", ".safetensors", ".txt", ".model")
"""Files that decide how a checkpoint behaves. The model card is not one of them, so that it may be
reworded without changing the hash."""
_POINTER = b"version https://git-lfs.github.com/spec/"
"""How the text begins that git-LFS leaves in the place of a file that was not fetched."""


def read_index(checkpoint: Path) -> dict[str, Any]:
    """The parsed `model_index.json` of a checkpoint.

    Raises:
        CheckpointError: There is no such folder or file, or it is not a JSON object that names a
            pipeline class.
    """
    checkpoint = snapshot(checkpoint)
    if not os.path.lexists(checkpoint / INDEX):
        raise CheckpointError(refusal(checkpoint, INDEX))
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
        if path.is_symlink():
            raise CheckpointError(_leads_nowhere(path)) from None
        if missing(path) != "is missing":
            raise CheckpointError(f"{path} {missing(path)}") from None
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
    if any(not is_system_file(path.name) for path in folder.glob("*.safetensors")):
        return
    paths = [path for path in folder.glob("*") if not is_system_file(path.name)]
    if any(path.suffix in PICKLES for path in paths):
        raise CheckpointError(pickled(folder))
    for path in folder.glob(".*.safetensors.icloud"):
        own = path.with_name(path.name.removeprefix(".").removesuffix(".icloud"))
        raise CheckpointError(f"{own} {missing(own)}")
    held = ", ".join(sorted({path.suffix or path.name for path in paths} - {".json"}))[:60]
    raise CheckpointError(
        f"{folder} holds no safetensors weights{held and f', but {held}'}; expected them"
    )


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
    What systems and tools keep for themselves (`.DS_Store`, `.git`, `__MACOSX`) does not.

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
        if is_system_file(path.name):
            continue
        name = f"{prefix}{path.name}"
        if path.is_symlink() and not path.exists():
            raise CheckpointError(_leads_nowhere(path))
        if path.is_dir():
            _collect(path, f"{name}/", (*above, real), found)
        elif path.is_file():
            found.append((name, path))


def _leads_nowhere(link: Path) -> str:
    return f"{link} is a link to {os.readlink(link)}, which is not there"


def fingerprint(checkpoint: Path) -> str:
    """SHA-256 over the paths and contents of a checkpoint's configuration and weight files.

    Law: it depends on what is in the folder and in what its links lead to, not on where the folder
    is, when it was written, or which of its files are links. Equal fingerprints mean equal files. A
    download in Hugging Face's cache has the fingerprint of its snapshot.

    Raises:
        CheckpointError: A link leads nowhere, or to a folder that holds it.
    """
    total = hashlib.sha256()
    for name, path in files(snapshot(checkpoint)):
        if path.suffix in HASHED_SUFFIXES:
            total.update(f"{name}\0{file_sha256(path)}\n".encode())
    return total.hexdigest()


@contextmanager
def understood(place: Path) -> Iterator[None]:
    """Turn whatever a library raises while it reads `place` into one `CheckpointError`."""
    try:
        yield
    except UserError:
        raise
    except MemoryError:
        raise
    # diffusers, transformers, tokenizers, safetensors and protobuf have no error tree in common,
    # and raise plain `Exception` too. All that is done inside is to read files of the user's.
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        name = type(error).__name__
        raise CheckpointError(f"cannot read {place}: {name}: {reason}") from error
