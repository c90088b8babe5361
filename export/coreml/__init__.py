"""Core ML as an export format: `convert`, `compress`, `package`, `run`, joined in `format`."""

from support.quiet import quiet

with quiet():
    # On Linux its import warns about Apple's framework and an untested torch; both are expected.
    import coremltools  # noqa: F401
