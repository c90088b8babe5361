"""Numbers of bytes in words."""

from __future__ import annotations


def size(count: int) -> str:
    """Bytes for people, in powers of ten as app stores count them: `13.98 MB`, `4.2 kB`."""
    return f"{count / 1e6:.2f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
