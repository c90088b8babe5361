"""Each folder of the room has a door that says what comes in and what goes out."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import eval as room

FOLDERS = sorted(path.parent.name for path in Path(room.__file__).parent.glob("*/__init__.py"))
LIGHT = ("cases", "gates", "metrics", "report", "schema", "tasks", "workers")
"""Folders that the process that hands out work imports; it computes nothing."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_door_names_what_it_exports(folder: str) -> None:
    door = import_module(f"eval.{folder}")
    assert all(hasattr(door, name) for name in door.__all__)
    assert sorted(door.__all__, key=_isort_key) == door.__all__
    about = " ".join((door.__doc__ or "").split())
    assert about.count(". ") >= 1 and about.endswith(".")
    assert "come" in about and "out" in about, "it says what comes in and what goes out"


def _isort_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as the linter sorts `__all__`."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_light_doors_import_no_pytorch() -> None:
    doors = ", ".join(f"eval.{folder}" for folder in LIGHT)
    code = f"import sys, {doors}; print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
