"""Splits the text form of an ML Program into tokens."""

import re
from dataclasses import dataclass

from ..errors import ProgramError

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<name>[A-Za-z_][A-Za-z0-9_@]*)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>[-+]?(?:0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?(?:[pP][-+]?[0-9]+)?
        | [0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)? | inf\b | nan\b))
    | (?P<sign>->|[][(){}<>,;=?])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: ``kind`` is ``name``, ``string``, ``number``, ``sign`` or ``END``."""

    kind: str
    text: str
    position: int


class Tokens:
    """The tokens of ``text``, read one by one from the front.

    Raises:
        ProgramError: From every method, where the text is not what was expected; the message says
            in which line.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self.next = self._read()

    def _read(self) -> Token:
        while True:
            match = _TOKEN.match(self._text, self._position)
            if match is None:
                if self._position == len(self._text):
                    return Token(END, END, self._position)
                raise self.error(f"unexpected {self._text[self._position]!r}", self._position)
            begin, self._position = self._position, match.end()
            if match.lastgroup != "space":
                return Token(str(match.lastgroup), match.group(), begin)

    def error(self, problem: str, position: int | None = None) -> ProgramError:
        """Return the error that the next token, or the character at ``position``, calls for."""
        position = self.next.position if position is None else position
        line = self._text.count("\n", 0, position) + 1
        return ProgramError(f"model.mil, line {line}: {problem}")

    def take(self) -> Token:
        """Return the next token and go on to the one after it."""
        taken, self.next = self.next, self._read()
        return taken

    def skip(self, text: str) -> bool:
        """Take the next token if it is the sign or name ``text``; return whether it was."""
        found = self.next.text == text and self.next.kind in ("sign", "name")
        if found:
            self.take()
        return found

    def expect(self, text: str) -> None:
        """Take the sign or name ``text``."""
        if not self.skip(text):
            raise self.error(f"expected {text!r}, found {self.next.text[:40]!r}")

    def name(self) -> str:
        """Take a name."""
        return self._take_kind("name").text

    def number(self) -> int | float:
        """Take a number: an integer, or a float in decimal or C99's hexadecimal form."""
        text = self._take_kind("number").text
        digits = text.lstrip("+-")
        try:
            if digits.isdigit():
                return int(text)
            return float.fromhex(text) if digits[:2] in ("0x", "0X") else float(text)
        except (ValueError, OverflowError) as error:
            raise self.error(f"{text[:40]!r} is not a number") from error

    def string(self) -> str:
        """Take a string and return what it stands for."""
        inside = self._take_kind("string").text[1:-1]
        return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), inside, flags=re.DOTALL)

    def _take_kind(self, kind: str) -> Token:
        if self.next.kind != kind:
            raise self.error(f"expected a {kind}, found {self.next.text[:40]!r}")
        return self.take()
