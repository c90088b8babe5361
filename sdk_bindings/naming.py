"""Converts names and texts of a manifest to identifiers and string literals of Swift and Kotlin.

Names are lower-case words joined by hyphens or underscores, such as `open-peeps`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_KEYWORDS = """
any as associatedtype async await break case catch class continue default defer deinit do else
enum extension fallthrough false fileprivate final for fun func guard if import in init inout
interface internal is let nil null object open operator package private protocol
public repeat rethrows return self some static struct subscript super switch this throw throws
true try type typealias val var when where while
"""
KEYWORDS = frozenset(_KEYWORDS.split())
"""The words that are no identifiers in Swift or Kotlin."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def camel(name: str) -> str:
    """Convert `open-peeps` to `openPeeps`.

    A keyword gets an underscore after it, and a name that starts with a digit one before it.
    """
    first, *rest = _words(name)
    text = first + "".join(word.capitalize() for word in rest)
    return _safe(f"{text}_" if text in KEYWORDS else text)


def pascal(name: str) -> str:
    """Convert `open-peeps` to `OpenPeeps`."""
    return _safe("".join(word.capitalize() for word in _words(name)))


def screaming(name: str) -> str:
    """Convert `open-peeps` to `OPEN_PEEPS`."""
    return _safe("_".join(_words(name)).upper())


def swift_string(text: str) -> str:
    """Return `text` as a Swift string literal on one line, with its quotes."""
    return _quoted(text, _ESCAPES, lambda letter: f"\\u{{{ord(letter):x}}}")


def kotlin_string(text: str) -> str:
    """Return `text` as a Kotlin string literal on one line, with its quotes."""
    return _quoted(text, {**_ESCAPES, "$": "\\$"}, _utf_16)


def described(style: Mapping[str, str]) -> str:
    """A style of a manifest in words: its title, and its creator and licence where it has them."""
    author = f" by {style['creator']}" if style["creator"] else ""
    return ", ".join(filter(None, (style["title"] + author, style["licence"])))


def comment(text: str) -> str:
    """Return `text` on one line, without what could end a comment."""
    seen = "".join(c if c.isprintable() else " " for c in text)
    return seen.replace("*/", "* /").replace("/*", "/ *")


FILTERS: dict[str, Callable[..., Any]] = {
    "camel": camel,
    "pascal": pascal,
    "screaming": screaming,
    "swift_string": swift_string,
    "kotlin_string": kotlin_string,
    "described": described,
    "comment": comment,
}


def _words(name: str) -> list[str]:
    words = [word.lower() for word in re.split(r"[^A-Za-z0-9]+", name) if word]
    if not words:
        raise ValueError(f"{name!r} has no letter or digit to make a name of")
    return words


def _safe(identifier: str) -> str:
    return f"_{identifier}" if identifier[0].isdigit() else identifier


def _quoted(text: str, escapes: dict[str, str], by_code: Callable[[str], str]) -> str:
    """Quote `text`, and escape invisible characters, which can end a line or turn its direction."""
    seen = (escapes.get(c) or (c if c.isprintable() else by_code(c)) for c in text)
    return f'"{"".join(seen)}"'


def _utf_16(letter: str) -> str:
    units = letter.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
