from __future__ import annotations

from pathlib import Path

import pytest

from tests.components.tiny import save_tiny_avatar, save_tiny_stable_diffusion


@pytest.fixture(scope="session")
def avatar_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_avatar(tmp_path_factory.mktemp("checkpoints") / "avatar")


@pytest.fixture(scope="session")
def sd_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_stable_diffusion(tmp_path_factory.mktemp("checkpoints") / "sd")
