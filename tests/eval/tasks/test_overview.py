from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eval import SubjectError, gates
from eval.cases import MODES
from eval.request import Request
from eval.tasks.overview import overview
from eval.tasks.workspace import Workspace
from export import ExportError
from export.artifact import MANIFEST
from tests.conftest import Command
from tests.exports import Exports

GONE = object()
NUMBERS = (True, -1, 10**400, 1.5, float("nan"))
TEXTS = ("", "x\ny", "\ud800", "a" * 300, "tflite", "../x")
OTHERS = (None, [], ["x"], [[1]], {}, {"x": 1}, {"name": "x"})
VALUES = st.sampled_from([GONE, *NUMBERS, *TEXTS, *OTHERS])


@pytest.fixture(scope="module")
def workspace(exports: Exports, work: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("overview") / "onnx"
    shutil.copytree(exports.get("avatar", "onnx").folder, folder)
    return Workspace(
        Request(
            artifacts=(folder,),
            checkpoint=exports.checkpoint("avatar"),
            gates=gates.read(work / "gates.toml"),
            mode=MODES["quick"],
            out=work / "out",
            cache=work / "cache",
        )
    )


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every entry of a manifest."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in entries:
        yield (*here, key)
        if isinstance(entry, dict | list):
            yield from paths(entry, (*here, key))


def damage(values: Any, path: tuple[Any, ...], value: Any) -> None:
    *outer, last = path
    for key in outer:
        values = values[key]
    if value is GONE:
        del values[last]
    else:
        values[last] = value


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_damage_to_a_manifest_is_opened_or_refused_in_a_line(
    workspace: Workspace, data: st.DataObject
) -> None:
    (folder,) = workspace.request.artifacts
    good = (folder / MANIFEST).read_bytes()
    values = json.loads(good)
    path = data.draw(st.sampled_from(list(paths(values))))
    damage(values, path, data.draw(VALUES))
    (folder / MANIFEST).write_text(json.dumps(values), encoding="utf-8")
    workspace.opened.cache_clear()
    try:
        overview(workspace)
    except (SubjectError, ExportError) as error:
        assert "\n" not in str(error)
    finally:
        (folder / MANIFEST).write_bytes(good)


@pytest.mark.slow
def test_a_malformed_manifest_on_the_command_line(command: Command, workspace: Workspace) -> None:
    (folder,) = workspace.request.artifacts
    broken = Path(shutil.copytree(folder, folder.parent / "broken"))
    values = json.loads((broken / MANIFEST).read_text())
    values["sampler"]["timesteps"] = "soon"
    (broken / MANIFEST).write_text(json.dumps(values))
    request = workspace.request
    result = command("eval", broken, "--checkpoint", request.checkpoint, "--out", request.out)
    assert result.code == 2 and result.out == "" and "Traceback" not in result.err
    assert (
        result.err.strip()
        .splitlines()[-1]
        .startswith(f"error: {broken}: manifest.json: sampler.timesteps")
    )


def test_only_a_full_evaluation_has_the_limits_of_one(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[image]\npsnr = 60\n[full.image]\npsnr = 55\n")
    for mode, limit in (("quick", 60), ("default", 60), ("full", 55)):
        request = replace(workspace.request, mode=MODES[mode], gates=gates.read(file))
        opened = Workspace(request).opened(0)
        assert opened.gates.limit("image", "psnr", "onnx") == limit
