"""Files and folders put in their place in one step: old or new, never mixed, never missing.

A folder is written beside its place and flushed to disk. Then one system call exchanges the two:
`renameat2(RENAME_EXCHANGE)` on Linux, `renamex_np(RENAME_SWAP)` on macOS, a plain rename where
there was nothing before.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.errors import ExchangeError

# From <linux/fs.h>, <fcntl.h> and macOS's <sys/stdio.h>.
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_RENAME_SWAP = 2


def write(path: Path, data: bytes) -> None:
    """Write a file in one step; its folder is made where missing.

    Raises:
        OSError: The file cannot be written; nothing is left behind.
    """
    with replacing(path) as partial:
        partial.write_bytes(data)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; when the block ends well, that file becomes `path`.

    For libraries that write files themselves. The folder is made where missing. When the block
    raises, `path` stays as it was and the partial file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process's number keeps two writers of one file out of each other's way.
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        _fsync(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def swap_in(staging: Path, target: Path) -> None:
    """Put the folder `staging` in the place of `target`; an old `target` is then at `staging`.

    Raises:
        ExchangeError: System or file system cannot exchange folders.
    """
    _flush(staging)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        exchange(staging, target)
    else:
        staging.rename(target)
    _fsync(target.parent)


def exchange(first: Path, second: Path) -> None:
    """Exchange two folders in one step.

    Raises:
        ExchangeError: System or file system has no such step. Moving one away and then the other in
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
        raise ExchangeError(f"this system cannot exchange folders; remove {second} first")
    if result == 0:
        return
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV):
        raise ExchangeError(f"this file system cannot exchange folders; remove {second} first")
    raise OSError(code, os.strerror(code), str(second))


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
