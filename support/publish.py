"""Putting a folder in its place in one atomic step: old or new, never mixed, never missing.

Everything is written into a staging folder beside the target, which `support.atomic` then puts
in its place. A process killed at any point leaves the old folder or the new one, and at most a
hidden staging folder that the next export removes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from support import atomic
from support.errors import ExchangeError, PublishError, UserError

_LEAST_FREE = 65536
"""Bytes below which a disk counts as full: no model file is that small."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def publish(
    target: Path,
    *,
    marker: str | tuple[str, ...],
    kind: str,
    on_wait: Callable[[], None] | None = None,
) -> Iterator[Path]:
    """Give an empty staging folder; when the block ends well, it becomes `target`.

    When the block raises, `target` stays as it was and the staging folder goes. Two publishers of
    one target take turns; the last one wins.

    Args:
        target: Where the folder shall be. It may exist if it is one of ours (holds the marker) or
            is empty; a symbolic link to such a folder is followed.
        marker: Name of a file that every folder of this kind holds, or of several files and
            folders.
        kind: The kind of folder in words, with its article, for messages: "an artifact".
        on_wait: Called once when another publisher has to be waited for.

    Raises:
        PublishError: Something else is at `target`, the disk is full or read-only, or the file
            system cannot exchange folders.
    """
    target = target.resolve()
    _require_replaceable(target, marker, kind)
    staging = target.with_name(f".{target.name}.staging")
    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target, on_wait):
            # We hold the lock, so whatever lies there was left by a process that was killed.
            shutil.rmtree(staging, ignore_errors=True)
            try:
                with _explained(target):  # while what was written still fills the disk
                    staging.mkdir()
                    yield staging
                    _require_replaceable(target, marker, kind)
                    atomic.swap_in(staging, target)
            finally:
                shutil.rmtree(staging, ignore_errors=True)


def _require_replaceable(target: Path, marker: str | tuple[str, ...], kind: str) -> None:
    """Never replace a folder that is not ours: `--out ~` must not cost anybody their home."""
    if not target.exists():
        return
    if not target.is_dir():
        raise PublishError(f"{target} exists and is not a folder")
    markers = (marker,) if isinstance(marker, str) else marker
    ours = all((target / name).exists() for name in markers)
    if not ours and any(target.iterdir()):
        raise PublishError(f"{target} is not empty and not {kind}; it is left alone")


@contextmanager
def locked(
    target: Path, on_wait: Callable[[], None] | None = None, *, beside: bool = True
) -> Iterator[None]:
    """Hold the lock of a file or folder that is written; two writers of it take turns.

    For what is written in several steps: a folder that grows, or several files that belong
    together. `publish` takes it by itself. The lock ends with the process that holds it, and its
    empty file stays.

    Args:
        target: What is written; the folder that it lies in is made where missing.
        on_wait: Called once when another writer has to be waited for.
        beside: The lock's file lies beside the target, which excludes writers on other machines
            too; otherwise in the system's folder for temporary files, for targets among a person's
            own files, where nothing else is left.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    place = target.with_name(f".{target.name}.lock")
    if not beside:
        name = hashlib.sha256(os.fsencode(target)).hexdigest()
        place = Path(tempfile.gettempdir()) / f"pocket-avatar-{name[:32]}.lock"
    lock = FileLock(place)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if on_wait:
            on_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Turn what the disk refuses into one clear line."""
    try:
        yield
    except ExchangeError as error:
        raise PublishError(str(error)) from error
    except Exception as error:
        # Converters write from C++ and report a full disk in many ways, or in none that says so.
        code = error.errno if isinstance(error, OSError) else None
        if code in _FULL or (not isinstance(error, UserError) and _is_full(target)):
            raise PublishError(f"no space left to write {target}") from error
        if code in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise PublishError(f"cannot write {target}: {os.strerror(code)}") from error
        raise


def _is_full(target: Path) -> bool:
    """Whether a small file cannot be written beside `target`: disk, quota or limit is used up."""
    existing = next(folder for folder in target.parents if folder.is_dir())
    try:
        with tempfile.TemporaryFile(dir=existing) as probe:
            probe.write(bytes(_LEAST_FREE))
    except OSError as error:
        return error.errno in _FULL
    return False
