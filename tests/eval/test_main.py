from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from components import fingerprint
from eval.__main__ import _defaults, _reason_to_export, app
from export import open_artifact
from tests.components.tiny import save_tiny_avatar
from tests.conftest import CHANGES, Command
from tests.eval.schema.test_report import REPORT, row
from tests.exports import Exports

FLAGS = {
    "artifacts": None,
    "quick": "False",
    "full": "False",
    "recipe": None,
    "gates": None,
    "prompts": None,
    "selfies": None,
    "threads": None,
    "skip": None,
    "ray": None,
    "baseline": None,
    "out": "runs/eval",
    **dict.fromkeys(CHANGES),
}


def test_the_flags_and_their_defaults_are_pinned() -> None:
    found = {
        p.name: None if p.default is None else str(p.default)
        for p in typer.main.get_command(app).commands["evaluate"].params  # type: ignore[attr-defined]
    }
    assert found.pop("checkpoint", "").endswith("avatar/checkpoints/small")
    assert found == FLAGS


def test_every_option_is_explained(command: Command) -> None:
    text = " ".join(command("eval", "--help").out.split())
    for name in FLAGS:
        assert name == "artifacts" or f"--{name.replace('_', '-')}" in text
    assert "Default: dist/coreml and dist/onnx" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no artifact at nowhere"),
        ([".", "--checkpoint", "nowhere"], "no checkpoint at nowhere"),
        ([".", "--selfies", "nowhere"], "no folder of selfies at nowhere"),
        (["nowhere", "--quick", "--full"], "exclude each other"),
        (["nowhere", "--skip", "pictures"], "no level 'pictures'"),
        (["show", "nowhere.json"], "nowhere.json cannot be read"),
        (["nowhere", "--baseline", "old.json"], "the baseline old.json cannot be read"),
        (["--threads", "0"], "threads"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    command: Command, arguments: list[str], message: str
) -> None:
    result = command("eval", *arguments)
    assert result.code == 2 and message in result.err and result.out == ""
    assert "Traceback" not in result.err


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_run(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = command("eval", tmp_path / "nowhere", "--out", tmp_path / "file")
    assert result.code == 2 and "Traceback" not in result.err
    assert f"{tmp_path / 'file'}' is a file" in result.err


def test_a_baseline_of_another_mode_is_refused_before_anything_is_run(
    command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(replace(REPORT, mode="full").dump())
    result = command("eval", tmp_path / "nowhere", "--baseline", file, "--out", tmp_path / "out")
    assert result.code == 2 and "was measured in mode full" in result.err
    assert not (tmp_path / "out").exists()


def test_an_earlier_report_is_shown_with_its_exit_code(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(REPORT.dump())
    result = command("eval", "show", file)
    assert result.code == 0 and "passed: 1 gate passed" in result.out
    file.write_bytes(replace(REPORT, rows=(row(1.0),)).dump())
    result = command("eval", "show", file)
    assert result.code == 1 and "FAILED: 1 of 1 gates failed" in result.out
    file.write_text("{}")
    assert command("eval", "show", file).code == 2


@pytest.mark.slow
def test_an_artifact_from_the_command_line(
    command: Command, exports: Exports, work: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(exports.get("avatar", "onnx").folder, tmp_path / "onnx"))
    # Speed is compared with the baseline too, and is anything on a machine that others use.
    common = (folder, "--quick", "--skip", "speed", "--checkpoint", exports.checkpoint("avatar"))
    out = ("--gates", work / "gates.toml", "--out", work)
    result = command("eval", *common, *out)
    assert result.code == 0, result.out + result.err
    assert f"gates passed; {work / 'report.html'}" in result.out
    assert {"report.html", "report.json", "junit.xml"} <= {file.name for file in work.iterdir()}
    assert command("eval", "show", work / "report.json").code == 0
    result = command("eval", *common, *out, "--baseline", work / "report.json")
    assert result.code == 0 and "baseline" in (work / "report.json").read_text()

    other = save_tiny_avatar(tmp_path / "other", seed=1)
    result = command("eval", folder, "--checkpoint", other)
    assert result.code == 2 and "artifact of another checkpoint" in result.err
    with (folder / "decoder.onnx").open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"tampered")
    result = command("eval", *common)
    assert result.code == 2
    assert result.err.strip().splitlines()[-1].startswith("error: decoder.onnx was changed")


def test_without_the_extra_ray_is_one_clear_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "eval.workers.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    result = command("eval", "nowhere", "--ray", "auto")
    assert result.code == 2 and result.out == ""
    assert "pip install 'pocket-avatar[ray]'" in result.err.strip().splitlines()[-1]


@pytest.mark.slow
def test_default_artifacts_of_another_checkpoint_are_exported_anew_and_no_others(
    exports: Exports, tmp_path: Path
) -> None:
    checkpoint = exports.checkpoint("avatar")
    other = save_tiny_avatar(tmp_path / "other", seed=1)
    folder = Path(shutil.copytree(exports.get("avatar", "onnx").folder, tmp_path / "onnx"))
    assert _reason_to_export(folder, checkpoint) == ""
    assert _reason_to_export(folder, other) == "is of another checkpoint"
    assert _reason_to_export(tmp_path / "nowhere", checkpoint) == "is not there yet"
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "recipe": "0" * 64}))
    assert _reason_to_export(folder, other) == ""  # with a recipe: somebody's own
    (folder / "manifest.json").write_text("{")
    assert _reason_to_export(folder, other) == ""  # broken: to be refused


@pytest.mark.slow
def test_the_export_of_a_default_is_said_in_one_line(
    exports: Exports,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """With `export` itself, into a folder that held an artifact of another checkpoint."""
    other = save_tiny_avatar(tmp_path / "other", seed=1)
    folder = Path(shutil.copytree(exports.get("avatar", "onnx").folder, tmp_path / "onnx"))
    monkeypatch.setattr("eval.__main__.DEFAULTS", {folder: "onnx"})
    assert _defaults(other) == (folder,)
    assert (
        capfd.readouterr().err.splitlines()[0]
        == f"{folder} is of another checkpoint: exporting it first"
    )
    assert open_artifact(folder).manifest.checkpoint == fingerprint(other)
    assert _defaults(other) == (folder,) and capfd.readouterr().err == ""
