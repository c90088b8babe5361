"""Every recipe of `docs/extending.md` is followed once, for real, in a copy of the sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from export.exporter import Request, export
from tests.components.tiny import save_tiny_avatar
from tests.test_imports import MAY_IMPORT, ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
CHANGE = re.compile(
    r"^\*\*`(?P<path>[^`]+)`\*\*(?P<where>[^\n]*):\n\n```\w+\n(?P<code>.*?)^```$", re.M | re.S
)
PROOF = re.compile(r"^\*Proof\*.*?```python\n(?P<code>.*?)^```$", re.M | re.S)


@dataclass(kw_only=True)
class Recipe:
    """One section of the page."""

    title: str
    changes: list[re.Match[str]] = field(default_factory=list)
    proof: str = ""


def recipes() -> Iterator[Recipe]:
    for section in PAGE.split("\n## ")[1:]:
        proof = PROOF.search(section)
        assert proof, section[:40]
        yield Recipe(
            title=section.partition("\n")[0],
            changes=list(CHANGE.finditer(section)),
            proof=proof["code"],
        )


RECIPES = list(recipes())


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extending")
    checkpoint = save_tiny_avatar(folder / "checkpoint")
    export(Request(checkpoint=checkpoint, format="onnx", out=folder / "onnx"))
    return folder / "onnx"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The rooms' sources; what is large and is not changed is linked."""
    for room in MAY_IMPORT:
        skipped = shutil.ignore_patterns("__pycache__", "checkpoints", "swift", "kotlin", "golden")
        shutil.copytree(ROOT / room, tmp_path / room, ignore=skipped)
    (tmp_path / "avatar" / "checkpoints").symlink_to(ROOT / "avatar" / "checkpoints")
    (tmp_path / "sdk_bindings" / "golden").symlink_to(ROOT / "sdk_bindings" / "golden")
    return tmp_path


def apply(change: re.Match[str], root: Path) -> None:
    path, where, code = root / change["path"], change["where"], change["code"]
    if "(new file)" in where:
        assert not path.exists(), path
        path.parent.mkdir(exist_ok=True)
        path.write_text(code, encoding="utf-8")
        return
    text = path.read_text(encoding="utf-8")
    if where.strip(", ") == "at the end":
        path.write_text(f"{text}\n\n{code}", encoding="utf-8")
        return
    line = re.search(r"after the line `(.+)`", where)
    assert line, where
    assert text.count(f"{line[1]}\n") == 1, f"{change['path']} has no line {line[1]!r}"
    path.write_text(text.replace(f"{line[1]}\n", f"{line[1]}\n{code}"), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipe_works_as_it_stands(recipe: Recipe, copy: Path, artifact: Path) -> None:
    assert recipe.changes
    for change in recipe.changes:
        apply(change, copy)
    environment = {**os.environ, "PYTHONPATH": str(copy), "ARTIFACT": str(artifact)}
    done = subprocess.run(
        [sys.executable, "-c", recipe.proof],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_there_is_a_recipe_for_everything_that_comes_in_kinds() -> None:
    assert [recipe.title for recipe in RECIPES] == [
        *("A metric", "A runtime", "A quantization scheme", "A MIL op", "A style"),
        *("A pipeline", "An SDK"),
    ]
