"""Putting a folder in its place in one atomic step: old or new, never mixed, never missing.

Everything is written into a staging folder beside the target and flushed to disk. Then one system
call exchanges the two: `renameat2(RENAME_EXCHANGE)` on Linux, `renamex_np(RENAME_SWAP)` on macOS, a
plain rename where there was nothing before. A process killed at any point leaves the old folder or
the new one, and at most a hidden staging folder that the next export removes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from export.errors import ExportError, PublishError

MANIFEST = "manifest.json"
# From <linux/fs.h>, <fcntl.h> and macOS's <sys/stdio.h>.
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_RENAME_SWAP = 2
_LEAST_FREE = 65536
"""Bytes below which a disk counts as full: no model file is that small."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def publish(target: Path, *, on_wait: Callable[[], None] | None = None) -> Iterator[Path]:
    """Give an empty staging folder; when the block ends well, it becomes `target`.

    When the block raises, `target` stays as it was and the staging folder goes. Two publishers of
    one target take turns; the last one wins.

    Args:
        target: Where the folder shall be. It may exist if it is an artifact (has a manifest) or is
            empty; a symbolic link to such a folder is followed.
        on_wait: Called once when another publisher has to be waited for.

    Raises:
        PublishError: Something else is at `target`, the disk is full or read-only, or the file
            system cannot exchange folders.
    """
    target = target.resolve()
    _require_replaceable(target)
    staging = target.with_name(f".{target.name}.staging")
    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target, on_wait):
            # We hold the lock, so whatever lies there was left by a process that was killed.
            shutil.rmtree(staging, ignore_errors=True)
            try:
                with _explained(target):  # while what was written still fills the disk
                    staging.mkdir()
                    yield staging
                    _flush(staging)
                    _require_replaceable(target)
                    _swap_in(staging, target)
            finally:
                shutil.rmtree(staging, ignore_errors=True)


def _require_replaceable(target: Path) -> None:
    """Never replace a folder that is not ours: `--out ~` must not cost anybody their home."""
    if not target.exists():
        return
    if not target.is_dir():
        raise PublishError(f"{target} exists and is not a folder")
    if not (target / MANIFEST).is_file() and any(target.iterdir()):
        raise PublishError(f"{target} is not empty and not an artifact; it is left alone")


@contextmanager
def _lock(target: Path, on_wait: Callable[[], None] | None) -> Iterator[None]:
    lock = FileLock(target.with_name(f".{target.name}.lock"))
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
    except Exception as error:
        # Converters write from C++ and report a full disk in many ways, or in none that says so.
        code = error.errno if isinstance(error, OSError) else None
        if code in _FULL or (not isinstance(error, ExportError) and _is_full(target)):
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


def _flush(folder: Path) -> None:
    """Every file and folder below to disk, so that a power cut cannot leave names without data."""
    for path in sorted(folder.rglob("*")):
        _fsync(path)
    _fsync(folder)


def _fsync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows has no descriptors for folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _swap_in(staging: Path, target: Path) -> None:
    if target.exists():
        _exchange(staging, target)
    else:
        staging.rename(target)
    _fsync(target.parent)


def _exchange(first: Path, second: Path) -> None:
    """Exchange two folders in one step.

    Raises:
        PublishError: System or file system has no such step. Moving one away and then the other in
            would leave a moment without either, so that is not done.
    """
    libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    a, b = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin" and libc is not None:
        result = libc.renamex_np(a, b, ctypes.c_uint(_RENAME_SWAP))
    elif hasattr(libc, "renameat2") and libc is not None:
        flags = ctypes.c_uint(_RENAME_EXCHANGE)
        result = libc.renameat2(_AT_FDCWD, a, _AT_FDCWD, b, flags)
    else:
        raise PublishError(f"this system cannot exchange folders; remove {second} first")
    if result == 0:
        return
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV):
        raise PublishError(f"this file system cannot exchange folders; remove {second} first")
    raise OSError(code, os.strerror(code), str(second))
