"""What tests of the command line share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from avatar.__main__ import app
from avatar.command_line import run
from tests.components.tiny import save_tiny_avatar


class Result(NamedTuple):
    """What a command left: exit code, results, messages."""

    code: int
    out: str
    err: str


Avatar = Callable[..., Result]


@pytest.fixture
def avatar(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Avatar:
    """Runs `python -m avatar` with the given arguments, in this process."""

    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["avatar", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            run(app, "python -m avatar")
        return Result(int(stop.value.code or 0), *capfd.readouterr())

    return call


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture
def selfie(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (150, 140, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "selfie.png")
    return tmp_path / "selfie.png"
