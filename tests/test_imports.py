"""The rooms' import directions, as `docs/architecture.md` draws them, read from the source."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT: dict[str, set[str]] = {
    "avatar": set(),
    "coreml_runtime": set(),
    "components": {"avatar"},
    "quantization": {"components"},
    "distillation": {"avatar", "components", "quantization"},
    "export": {"components", "quantization", "coreml_runtime"},
    "eval": {"avatar", "components", "quantization", "export", "coreml_runtime"},
    "sdk_bindings": {"avatar", "export"},
}
"""Room to the rooms it may import, itself aside."""

EVERYONE = {"tests", "benchmarks", "docs"}
"""May import all rooms; no room imports them."""


def imported(source: str, module: str) -> Iterator[tuple[int, str]]:
    """(line, top-level package) of each import in `source`, wherever it stands.

    Relative imports count as the package of `module`; names given to `import_module` and
    `__import__` as constants count too.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = node.module or "" if node.level == 0 else module
            yield node.lineno, name.partition(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            name = node.args[0].value
            if called in ("import_module", "__import__") and isinstance(name, str):
                yield node.lineno, (module if name.startswith(".") else name).partition(".")[0]


def violations(root: Path) -> list[str]:
    """Every forbidden import below `root`, as "file:line: room imports room"."""
    found = []
    for room, allowed in MAY_IMPORT.items():
        forbidden = (MAY_IMPORT.keys() | EVERYONE) - allowed - {room}
        front_door = root / room / "__main__.py"  # may reach anywhere
        for file in sorted((root / room).rglob("*.py")):
            forbidden_here = EVERYONE if file == front_door else forbidden
            where = file.relative_to(root)
            found += [
                f"{where}:{line}: {room} imports {name}"
                for line, name in imported(file.read_text(encoding="utf-8"), room)
                if name in forbidden_here
            ]
    return found


def test_rooms_import_only_what_the_house_allows() -> None:
    assert violations(ROOT) == []


def test_every_room_is_read() -> None:
    """A renamed room must not slip out of the check."""
    read = {room for room in MAY_IMPORT if list((ROOT / room).rglob("*.py"))}
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - EVERYONE <= read


@pytest.mark.parametrize(
    "planted",
    [
        "import export",
        "import export.artifact as a",
        "from export.artifact import publish",
        "def later():\n    from export import artifact",
        "if True:\n    import eval",
        "import importlib\nimportlib.import_module('export.onnx')",
        "from importlib import import_module\nimport_module('components.avatar')",
        "from tests import conftest",
    ],
)
def test_fires_on_a_planted_violation(tmp_path: Path, planted: str) -> None:
    (tmp_path / "avatar" / "people").mkdir(parents=True)
    (tmp_path / "avatar" / "people" / "deep.py").write_text(planted)
    (violation,) = violations(tmp_path)
    assert violation.startswith("avatar/people/deep.py:")


def test_only_a_rooms_own_front_door_may_reach_anywhere(tmp_path: Path) -> None:
    (tmp_path / "avatar" / "people").mkdir(parents=True)
    (tmp_path / "avatar" / "__main__.py").write_text("import export, eval, components")
    assert violations(tmp_path) == []
    (tmp_path / "avatar" / "people" / "__main__.py").write_text("import export")
    assert violations(tmp_path) == ["avatar/people/__main__.py:1: avatar imports export"]


@pytest.mark.parametrize(
    "harmless",
    ["import exporter", "from .export import x", "from . import export", "import numpy, torch"],
)
def test_leaves_alone_what_only_looks_alike(tmp_path: Path, harmless: str) -> None:
    (tmp_path / "avatar").mkdir()
    (tmp_path / "avatar" / "thing.py").write_text(harmless)
    assert violations(tmp_path) == []


def test_no_room_hides_a_module_of_pythons_own() -> None:
    assert not MAY_IMPORT.keys() & set(sys.stdlib_module_names)
