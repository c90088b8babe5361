"""Versions, as they stand in manifests and model files."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTION = "pocket-avatar"


def version() -> str:
    """This software's version; `0` when it runs from a source tree that was never installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0"


def public_version(text: str) -> str:
    """A version without its local build tag: `2.13.0+cu130` is `2.13.0` (PEP 440).

    The tag names the build (CPU, CUDA), which changes no byte of an export.
    """
    return text.split("+", 1)[0]
