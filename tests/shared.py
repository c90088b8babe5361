"""What all processes of a test run share: each thing is made by the one that needs it first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run have, beside every worker's own."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def made_once(place: Path, make: Callable[[Path], object]) -> Path:
    """Make a file or folder where there is none yet; others wait meanwhile.

    Args:
        place: Where it shall be.
        make: Makes it at the path that it is given, which then becomes `place`.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{place}.lock"):
        if not place.exists():
            partial = place.with_name(f"{place.name}.partial")
            make(partial)
            partial.rename(place)
    return place
