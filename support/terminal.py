"""Output that every terminal, pipe and file can take, whatever its encoding.

Messages, tables and file names have characters that cp1252, cp437, latin-1 or ASCII lack. Such a
character is written as a plain one that says the same, or as an escape that names it: output is
never a reason to fail.
"""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from typing import Any

HANDLER = "pocket-avatar.plain"
"""Name of the error handler, as `open(errors=…)` and `str.encode` take it."""

_PLAIN = {
    **dict.fromkeys("·•", "."),
    **dict.fromkeys("–—−─━╸╺", "-"),
    **dict.fromkeys("│┃├┤┼╪", "|"),
    **dict.fromkeys("‘’", "'"),  # noqa: RUF001
    **dict.fromkeys("“”", '"'),
    **{"×": "x", "✗": "x", "█": "#", "…": "~", "→": ">", "≥": ">=", "≤": "<=", "∞": "inf"},
}
"""What our own texts hold beyond ASCII, in ASCII."""


def plain(text: str) -> str:
    """Text in ASCII: stand-ins, letters without their accents, else escapes such as `\\u4e2d`.

    Bytes of a file name that are not UTF-8 (lone surrogates in Python) are shown as `\\xff`.
    """
    return "".join(map(_plain, text))


def _plain(letter: str) -> str:
    if letter in _PLAIN or letter.isascii():
        return _PLAIN.get(letter, letter)
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{ord(letter) - 0xDC00:02x}"
    base = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return base or letter.encode("ascii", "backslashreplace").decode()


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


codecs.register_error(HANDLER, _stand_in)

_ASCII = "pocket_avatar_ascii"


def _find_codec(name: str) -> codecs.CodecInfo | None:
    """ASCII under another name: typer writes UTF-8 to a stream whose encoding is called ASCII."""
    if name != _ASCII:
        return None
    encode, decode, reader, writer = codecs.lookup("ascii")
    encoder = codecs.getincrementalencoder("ascii")
    decoder = codecs.getincrementaldecoder("ascii")
    return codecs.CodecInfo(encode, decode, reader, writer, encoder, decoder, name=_ASCII)


codecs.register(_find_codec)


def use_any_encoding() -> None:
    """Let stdout and stderr of this process, and of those that it starts, take every character.

    Where a stream is closed, what is written to it goes nowhere.
    """
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            named = codecs.lookup(stream.encoding).name
            stream.reconfigure(encoding=_ASCII if named == "ascii" else named, errors=HANDLER)
    # Python's own handler and name, because other processes read this before our modules.
    encoding = "ascii" if sys.stdout.encoding == _ASCII else sys.stdout.encoding or "utf-8"
    os.environ["PYTHONIOENCODING"] = f"{encoding}:backslashreplace"


def use_utf_8_names() -> None:
    """Start this command anew where file names are not read as UTF-8 (LC_ALL=C, PYTHONUTF8=0).

    Every library here takes names as UTF-8. The output keeps the encoding that `use_any_encoding`
    has noted before.
    """
    foreign = sys.getfilesystemencoding().lower() not in ("utf-8", "utf8")
    if not foreign or os.environ.get("PYTHONUTF8") == "1":
        return
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
