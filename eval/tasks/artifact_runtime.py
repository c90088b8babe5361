"""What most tasks are about: one artifact in one runtime."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ArtifactRuntime:
    """An artifact in a runtime.

    Attributes:
        index: The artifact's index in the request.
        runtime: The runtime's name.
    """

    index: int
    runtime: str
