"""What tests of the command line share."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.components.tiny import save_tiny_avatar
from tests.conftest import Command


@pytest.fixture
def avatar(command: Command) -> Command:
    """Runs `python -m avatar` with the given arguments, in this process."""
    return partial(command, "avatar")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture
def selfie(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (150, 140, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "selfie.png")
    return tmp_path / "selfie.png"
