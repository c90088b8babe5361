from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.components.conftest import avatar_checkpoint, sd_checkpoint

__all__ = ["avatar_checkpoint", "sd_checkpoint"]  # fixtures of this room, too


@pytest.fixture
def sd(sd_checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the tiny Stable Diffusion that a test may damage."""
    return Path(shutil.copytree(sd_checkpoint, tmp_path / "sd"))


@pytest.fixture
def avatar(avatar_checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the tiny avatar model that a test may damage."""
    return Path(shutil.copytree(avatar_checkpoint, tmp_path / "avatar"))


@pytest.fixture
def no_module_is_run(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Fails a test in which any network computes: checks come before anything is computed."""
    from torch import nn

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network was run before the checkpoint was checked")

    monkeypatch.setattr(nn.Module, "__call__", refuse)
    return monkeypatch.undo
