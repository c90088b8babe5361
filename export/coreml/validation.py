"""One shortcut: a program is validated where coremltools insists on it, not after every pass.

coremltools looks at every operation of a program before and after each of its hundred passes, to
find the pass that broke it: a quarter of a conversion's time. It also does so when the program is
read, after dead code is removed and before it is written, and then compares scopes too; these stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from coremltools.converters.mil.mil.program import Program


@contextmanager
def validated_in_the_end() -> Iterator[None]:
    """While open, conversions in this process leave out what is said above."""
    original = Program.validate

    def validate(program: Program, check_essential_scope: bool | None = False) -> None:
        if check_essential_scope:
            original(program, check_essential_scope)

    Program.validate = validate
    try:
        yield
    finally:
        Program.validate = original
