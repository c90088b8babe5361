"""Golden vectors: what the Python laws give, for the tests of every other language."""

from sdk_bindings.vectors.make import make

__all__ = ["make"]
