"""Fixtures of the command-line tests."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.components.tiny import save_tiny_avatar
from tests.conftest import Command

ROOT = Path(__file__).parents[2]


@pytest.fixture
def avatar(command: Command) -> Command:
    """Run `python -m avatar` with the given arguments, in this process."""
    return partial(command, "avatar")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture
def selfies(tmp_path: Path) -> list[Path]:
    """Three selfies of one made-up person, which keep every rule."""
    samples = sorted((ROOT / "docs" / "samples").glob("*.png"))
    return [Path(shutil.copy(sample, tmp_path)) for sample in samples]


@pytest.fixture
def selfie(selfies: list[Path]) -> Path:
    """One of the three selfies."""
    return selfies[0]
