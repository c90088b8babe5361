"""What all tests share: they run without a network, and repeatably."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import settings

from tests.shared import shared_folder

if TYPE_CHECKING:
    from tests.exports import Exports

# Nothing here may ask a model hub; without these a mistyped path would be taken for a hub's name.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
os.environ.setdefault("MPLBACKEND", "Agg")

# Where pytest runs several processes (`make test`), each is one thread: threads of one process that
# wait for another's make everything slower by far. Set before PyTorch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples on every run: a failure in one place can be had in another. No deadline,
# because the machine may be busy.
settings.register_profile("project", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("project")


ROOT = Path(__file__).parent
CHANGES = (
    *("lora", "unet", "vae", "text_encoder", "controlnet"),
    *("pipeline", "prediction", "size", "batch"),
    *("guidance", "steps", "strength"),
)
"""Options that every command with a checkpoint has, to change it; none of them has a default."""
_LONGEST = (
    "sdk_bindings/test_kotlin.py",
    "sdk_bindings/test_swift.py",
    "eval",
    "distillation",
    "export",
)
"""Files and rooms that take longest, below this folder."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no process waits for another's last file."""

    def place(item: pytest.Item) -> int:
        longest = (n for n, name in enumerate(_LONGEST) if item.path.is_relative_to(ROOT / name))
        return next(longest, len(_LONGEST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """From the class of a pipeline to a tiny checkpoint of it, made once."""

    @cache
    def make(kind: str) -> Path:
        from tests.components.tiny import PIPELINES  # takes seconds to import

        return PIPELINES[kind](tmp_path_factory.mktemp("checkpoints") / kind)

    return make


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    from tests.exports import Exports  # takes seconds to import

    return Exports(shared_folder(tmp_path_factory) / "exports")


class Result(NamedTuple):
    """What a command left: exit code, results, messages."""

    code: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs `python -m ROOM ARGUMENTS…` in this process: `command("export", "verify", folder)`."""
    from support.command_line import run

    def call(room: str, *arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", [room, *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            run(import_module(f"{room}.__main__").app, f"python -m {room}")
        return Result(int(stop.value.code or 0), *capfd.readouterr())

    return call
