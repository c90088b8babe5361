"""One assembly: what its steps share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from components.adapted.avatar_file import AvatarFile
from components.diffusion.latent_diffusion import LatentDiffusion
from support.hub_cache import snapshot


@dataclass(frozen=True)
class Job:
    """One assembly.

    Attributes:
        file: The `avatar.toml`.
        wanted: What is in it.
        folder: Where the checkpoint is written.
        base: The base with its changes.
    """

    file: Path
    wanted: AvatarFile
    folder: Path
    base: LatentDiffusion

    def path(self, part: str) -> Path:
        """The path that the file gives a part."""
        return path_of(self.file, part)


def path_of(file: Path, part: str) -> Path:
    """Where a part is that an `avatar.toml` names."""
    return snapshot(file.parent / part)
