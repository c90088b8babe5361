"""Imports go one way: between rooms, between sub-rooms, and never in a circle.

The arrows are those that `docs/architecture.md` draws; they are read from the source.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.import_graph import circles, edges, imports_of, modules_below

ROOT = Path(__file__).parent.parent

MAY_IMPORT: dict[str, set[str]] = {
    "support": set(),
    "avatar": {"support"},
    "coreml_runtime": {"support"},
    "components": {"support", "avatar"},
    "quantization": {"support", "components"},
    "distillation": {"support", "avatar", "components", "quantization"},
    "export": {"support", "components", "quantization", "coreml_runtime"},
    "eval": {"support", "avatar", "components", "quantization", "export", "coreml_runtime"},
    "sdk_bindings": {"support", "avatar", "export"},
}
"""Room to the rooms it may import, itself aside."""

SUB_ROOMS: dict[str, dict[str, set[str]]] = {
    "avatar": {
        "selfies": set(),
        "model": {"selfies"},
        "people": set(),
        "judge": {"people"},
    },
    "components": {
        "overlay": set(),
        "diffusion": {"overlay"},
        "adapted": {"overlay", "diffusion"},
        "pipelines": {"overlay", "diffusion", "adapted"},
    },
    "quantization": {
        "fitting": set(),
        "schemes": {"fitting"},
        "activations": {"schemes"},
        "planning": {"schemes", "activations"},
    },
    "distillation": {
        "data": set(),
        "training": set(),
        "stages": {"data", "training"},
        "report": {"data"},
    },
    "eval": {
        "schema": set(),
        "metrics": {"schema"},
        "cases": {"schema"},
        "gates": {"schema", "metrics"},
        "graphs": set(),
        "reference": {"schema", "cases"},
        "request": {"cases", "gates"},
        "levels": {"schema", "metrics", "cases", "gates", "graphs", "reference"},
        "pipelines": {"schema", "cases", "reference", "request", "levels"},
        "artifact": {"schema", "gates", "reference", "pipelines"},
        "tasks": {
            *("schema", "metrics", "cases", "graphs", "reference"),
            *("artifact", "request", "levels", "pipelines"),
        },
        "workers": {"metrics", "reference", "request", "graphs", "tasks"},
        "evaluate": {"schema", "metrics", "request", "tasks", "workers"},
        "report": {"schema", "metrics"},
        "errors": set(),
    },
}
"""Room to its sub-rooms, each with the sub-rooms of the same room that it may import.

A sub-room is a folder or a file. Files that are not named may import all sub-rooms of their room.
"""

FREELY_IMPORTED = {"errors"}
"""Sub-rooms that all others of their room may import."""

EVERYONE = {"tests", "benchmarks", "docs", "examples"}
"""May import all rooms; no room imports them."""


def forbidden_imports(root: Path) -> list[str]:
    """Every forbidden import below `root`, as "file:line: room imports room"."""
    found = []
    for name, file in modules_below(root, MAY_IMPORT).items():
        room = name.partition(".")[0]
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        front_door = name == f"{room}.__main__"  # may reach anywhere
        allowed = MAY_IMPORT.keys() if front_door else MAY_IMPORT[room] | {room}
        where = file.relative_to(root)
        for line, imported in imports_of(file.read_text(encoding="utf-8"), package):
            other = imported.partition(".")[0]
            if other in MAY_IMPORT.keys() | EVERYONE and other not in allowed:
                found.append(f"{where}:{line}: {room} imports {other}")
            elif broken := _between_sub_rooms(name, imported):
                found.append(f"{where}:{line}: {broken}")
    return found


def _between_sub_rooms(name: str, imported: str) -> str | None:
    """What is wrong with an import from one sub-room of a room into another, if anything."""
    (room, own, *_), (other_room, other, *_) = (f"{n}..".split(".") for n in (name, imported))
    doors = SUB_ROOMS.get(room, {})
    if room != other_room or own not in doors or other not in doors or own == other:
        return None
    allowed = doors[own] | FREELY_IMPORTED
    return None if other in allowed else f"{room}.{own} imports {room}.{other}"


def test_rooms_import_only_what_the_house_allows() -> None:
    assert forbidden_imports(ROOT) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(edges(modules_below(ROOT, MAY_IMPORT))) == []


def test_every_room_and_sub_room_is_read() -> None:
    """A renamed room must not slip out of the check."""
    read = {room for room in MAY_IMPORT if list((ROOT / room).rglob("*.py"))}
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - EVERYONE <= read
    for room, doors in SUB_ROOMS.items():
        inside = {path.parent.name for path in (ROOT / room).glob("*/__init__.py")}
        assert inside <= doors.keys()
        assert all((ROOT / room / f"{name}.py").is_file() for name in doors.keys() - inside)


@pytest.mark.parametrize(
    "planted",
    [
        "import export",
        "import export.artifact as a",
        "from export.artifact import publish",
        "def later():\n    from export import artifact",
        "if True:\n    import eval",
        "import importlib\nimportlib.import_module('export.onnx')",
        "from importlib import import_module\nimport_module('components.pipelines.avatar')",
        "from tests import conftest",
        "from avatar.judge import load_judge",
        "from ..judge import load_judge",
        "from avatar import model",
    ],
)
def test_fires_on_a_planted_violation(tmp_path: Path, planted: str) -> None:
    (tmp_path / "avatar" / "people").mkdir(parents=True)
    (tmp_path / "avatar" / "people" / "deep.py").write_text(planted)
    (violation,) = forbidden_imports(tmp_path)
    assert violation.startswith("avatar/people/deep.py:")


def test_only_a_rooms_own_front_door_may_reach_anywhere(tmp_path: Path) -> None:
    (tmp_path / "avatar" / "people").mkdir(parents=True)
    (tmp_path / "avatar" / "__main__.py").write_text("import export, eval, components")
    assert forbidden_imports(tmp_path) == []
    (tmp_path / "avatar" / "people" / "__main__.py").write_text("import export")
    assert forbidden_imports(tmp_path) == ["avatar/people/__main__.py:1: avatar imports export"]


@pytest.mark.parametrize(
    "harmless",
    [
        "import exporter",
        "from .export import x",
        "from . import export",
        "import numpy, torch",
        "from avatar.people import Identity",
        "from avatar.people.styles import STYLES",
    ],
)
def test_leaves_alone_what_only_looks_alike(tmp_path: Path, harmless: str) -> None:
    (tmp_path / "avatar" / "judge").mkdir(parents=True)
    (tmp_path / "avatar" / "judge" / "thing.py").write_text(harmless)
    assert forbidden_imports(tmp_path) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("import eval.b", "import eval.a"),
        ("from eval import b", "from eval.a import x"),
        ("from . import b", "def later():\n    from .a import x"),
    ],
)
def test_finds_a_planted_circle(tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / "eval").mkdir()
    for name, text in (("__init__", ""), ("a", one), ("b", other), ("c", "import eval.a")):
        (tmp_path / "eval" / f"{name}.py").write_text(text)
    assert circles(edges(modules_below(tmp_path, MAY_IMPORT))) == [["eval.a", "eval.b"]]


def test_a_package_whose_part_imports_it_is_a_circle(tmp_path: Path) -> None:
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "__init__.py").write_text("from eval.a import x")
    (tmp_path / "eval" / "a.py").write_text("from eval import y")
    assert circles(edges(modules_below(tmp_path, MAY_IMPORT))) == [["eval", "eval.a"]]


def test_no_room_hides_a_module_of_pythons_own() -> None:
    assert not MAY_IMPORT.keys() & set(sys.stdlib_module_names)
