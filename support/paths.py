"""Paths that a command can use: the one check of every path that a user names, and its one line."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from support.errors import PathError
from support.terminal import plain

LONGEST_NAME = 255
"""Bytes of a file's or folder's name on every file system in use."""

LONGEST_NEW_NAME = LONGEST_NAME - 31
"""Bytes of the name of what is written: beside it stand a lock, a partial file, or numbered files,
whose names are longer."""

_LONGEST_MADE = 100
"""Characters of a name that is made from a text: enough to tell texts apart, with room to spare."""

USERS_FAULTS = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EEXIST,
        errno.EFBIG,
        errno.EILSEQ,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)
"""Errors of the operating system that a path given by the user, or a full disk, brings about."""

_REASONS = {
    errno.ELOOP: "its links lead in a circle",
    errno.ENAMETOOLONG: "too long for this system",
    errno.ENOTDIR: "a part of it is a file, expected a folder",
}
_NOT_UTF_8 = "not UTF-8; rename it"


def escaped(text: str) -> str:
    """Text of one line: control characters and bytes that are not UTF-8 become escapes."""
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in text)


def _escape(letter: str) -> str:
    return ascii(letter)[1:-1] if letter.isascii() else plain(letter)


def is_users_fault(error: Exception) -> bool:
    """Whether an error tells of a path that the system does not take, and not of a bug."""
    if isinstance(error, UnicodeEncodeError):
        return _is_not_utf_8(error.object)
    return isinstance(error, OSError) and error.errno in USERS_FAULTS


def explain(error: Exception) -> str:
    """What `is_users_fault` found, in a line."""
    if not isinstance(error, OSError):
        assert isinstance(error, UnicodeEncodeError)
        around = error.object[max(error.start - 60, 0) : error.end + 60]
        return f"{escaped(around)}: {_NOT_UTF_8}"
    name = error.filename2 or error.filename
    reason = _REASONS.get(error.errno or 0, error.strerror)
    text = escaped(_text(name)) if name else ""
    shown = f"{text[:60]}…" if error.errno == errno.ENAMETOOLONG else text
    return f"{shown}: {reason}" if shown else str(reason)


def _text(name: object) -> str:
    return os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else str(name)


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Names of files for any texts, which every system takes, Windows with its reserved ones too.

    Laws: a name of ASCII letters, digits, `.`, `_` and `-` that no system reserves stays as it is;
    no two texts get names that differ in case only; the same texts get the same names.
    """
    given: dict[str, str] = {}
    taken: set[str] = set()
    for text in dict.fromkeys(names):
        base = name = _file_name(text)
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name.casefold())
        given[text] = name
    return given


def _file_name(text: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", text)[:_LONGEST_MADE].rstrip(".") or "_"
    reserved = PureWindowsPath(safe).is_reserved() or safe.startswith(".")
    return f"_{safe}" if reserved else safe


@contextmanager
def usable(paths: Iterable[Path]) -> Iterator[None]:
    """Check what `require_usable` checks, and, while the block runs, where files are to be made.

    Raises:
        PathError: See there; or there is nothing at a path, and nothing can be made there.
    """
    named = tuple(paths)
    require_usable(named)
    try:
        yield
    except FileNotFoundError as error:
        # Our own files are inside the folders that the user named; a missing one is a bug.
        around = {parent for path in named for parent in path.parents}
        if not error.filename or Path(_text(error.filename)).parent not in around:
            raise
        raise PathError(explain(error)) from error


def require_usable(paths: Iterable[Path]) -> None:
    """Refuse paths that nothing can be read from or written to, before any work is done.

    Raises:
        PathError: A path has line breaks or other control characters, is not UTF-8, is too long,
            leads in a circle, leads through a file, or cannot be looked up.
    """
    for path in paths:
        _require_text(str(path))
        try:
            path.stat()
        except FileNotFoundError:
            _require_short(path)
        except OSError as error:
            raise PathError(explain(error)) from None


def require_writable(path: Path) -> None:
    """Raise `PathError` if nothing can be made at a path: hours of work would come to nothing."""
    place = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise PathError(f"{path}: cannot write there: {error.strerror}") from None


def require_argument(text: str) -> None:
    """Raise `PathError` if an argument is not UTF-8 or has a NUL: no library here takes them."""
    if "\0" in text:
        raise PathError(f"{escaped(text)}: has a NUL")
    if _is_not_utf_8(text):
        raise PathError(f"{escaped(text)}: {_NOT_UTF_8}")


def _require_text(text: str) -> None:
    require_argument(text)
    if any(letter < " " or letter == "\x7f" for letter in text):
        raise PathError(f"{escaped(text)}: has a control character, such as a line break")
    if os.name == "nt" and PureWindowsPath(text).is_reserved():
        raise PathError(f"{text}: Windows reserves this name")


def _require_short(path: Path) -> None:
    """Refuse names that the system would refuse only when they are written."""
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    if longest > LONGEST_NEW_NAME:
        raise PathError(
            f"{str(path)[:60]}…: too long: a new name has {longest} bytes, expected at most "
            f"{LONGEST_NEW_NAME}"
        )


def _is_not_utf_8(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)
