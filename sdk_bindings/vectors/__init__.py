"""Golden vectors: what the Python laws compute, for the tests of every other language.

`write_golden` writes all of them into a folder; each of the other files makes those of one law.
"""

from sdk_bindings.vectors.golden import write_golden

__all__ = ["write_golden"]
