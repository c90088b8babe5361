"""Published checkpoints: weights in fp16, and cards whose figures come from records and reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from avatar.judge import Judge, load_judge
from avatar.model import AvatarPipeline
from avatar.people import ATTRIBUTES, STYLES
from avatar.styles_file import styles_of
from distillation.errors import RunError
from distillation.publish import publish_judge, publish_pipeline
from distillation.report import Report
from support.errors import PublishError


def record(folder: Path, step: int, before: dict[str, object] | None = None) -> dict[str, object]:
    schedule = {"steps": step, "batch": 4, "learning_rate": 0.001, "seed": 0}
    values: dict[str, object] = {
        "name": folder.name,
        "step": step,
        "samples": 4 * step,
        "seconds": 1800.0,
        "device": "cpu",
        "before": before,
        "schedule": schedule,
        "people": 12,
    }
    folder.mkdir(exist_ok=True)
    (folder / "record.json").write_text(json.dumps(values))
    return values


def test_a_pipeline_ships_with_the_record_of_every_run_and_the_whole_report(
    made: Report, pipelines: tuple[AvatarPipeline, AvatarPipeline], tmp_path: Path
) -> None:
    record(tmp_path / "identity", 7)
    teacher = record(tmp_path / "teacher", 30, before=record(tmp_path / "teacher", 20))
    record(tmp_path / "student", 5, before=teacher)
    runs = [tmp_path / "identity", tmp_path / "student"]
    report = json.loads(json.dumps(made.to_dict()))
    out = tmp_path / "small"
    for _ in range(2):  # the second time something is there already
        publish_pipeline(
            pipelines[1], STYLES, runs, report, {"lorelei": 27.0}, out, note="By hand."
        )
    assert load_file(out / "denoiser" / "diffusion_pytorch_model.safetensors")
    assert styles_of(out) == STYLES
    assert AvatarPipeline.from_pretrained(out).sampler.config["also"] == [1, 4]
    card = (out / "README.md").read_text()
    for line in (
        "| identity | 12 | 7 | 28 | 0.50 | cpu |",
        "| teacher | 12 | 20 | 80 | 0.50 | cpu |",
        "| teacher, continued | 12 | 30 | 120 | 0.50 | cpu |",
        "| student | 12 | 5 | 20 | 0.50 | cpu |",
        "By hand.",
        "Sampler: 2 steps of a rectified flow, one call a step",
    ):
        assert line in card
    tables = [line for line in card.splitlines() if line.startswith("|")]
    assert all(line.count("|") >= 3 and line.endswith("|") for line in tables)
    models = [line for line in tables if line.startswith(("| teacher |", "| student |"))]
    assert sum(line.count("|") == 11 for line in models) == 4, "one row a model"
    assert card.count("reached") + card.count("**missed**") == len(report["targets"])
    assert str(tmp_path) not in "".join(path.read_text() for path in out.rglob("*.json"))


def test_a_judge_ships_with_its_ceiling(judge: Judge, tmp_path: Path) -> None:
    record(tmp_path / "judge", 9)
    ceiling = {"drawings": {"kind": 1.0, "accuracy": 0.5}, "selfie": {"kind": 0.25}}
    publish_judge(judge, tmp_path / "judge", ceiling, tmp_path / "out")
    assert load_judge(tmp_path / "out").config["feature_width"] == 8
    lines = (tmp_path / "out" / "README.md").read_text().splitlines()
    (drawn,) = [line for line in lines if line.startswith("| drawings |")]
    (head,) = [line for line in lines if line.startswith("| picture |")]
    assert drawn.count("|") == head.count("|") == len(ATTRIBUTES) + 5
    assert "100.0 %" in drawn and "50.0 %" in drawn and "–" in drawn


def test_a_run_without_a_record_is_one_clear_error(
    pipelines: tuple[AvatarPipeline, AvatarPipeline], tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="train it first"):
        publish_pipeline(pipelines[0], STYLES, [tmp_path], {}, {}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_checkpoint_is_left_alone(judge: Judge, tmp_path: Path) -> None:
    record(tmp_path / "judge", 9)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("mine")
    with pytest.raises(PublishError, match="not a checkpoint"):
        publish_judge(judge, tmp_path / "judge", {}, tmp_path / "home")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["thesis.txt"]
