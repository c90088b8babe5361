"""What ships is right: a quick evaluation of the default artifacts, by the gates that ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval import Report
from tests.conftest import Command
from tests.shipped_artifacts import shipped_artifact


@pytest.mark.slow
def test_the_default_artifacts_pass_all_gates(
    command: Command, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = [shipped_artifact(name, tmp_path_factory) for name in ("coreml", "onnx")]
    out = tmp_path / "report"
    done = command("eval", *folders, "--quick", "--out", out)
    assert done.code == 0, done.out + done.err
    report = Report.parse((out / "report.json").read_bytes())
    assert report.passed and {subject.tier for subject in report.subjects} == {"fp16"}
    gated = {(row.runtime, row.level) for row in report.rows if row.verdict == "passed"}
    for runtime in ("onnx", "ort", "coreml_runtime"):
        levels = {"weights", "components", "speed"} | ({"image"} if runtime != "ort" else set())
        assert {(runtime, level) for level in levels} <= gated
