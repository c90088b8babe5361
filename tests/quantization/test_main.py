"""The command line: flags pinned, whole commands on a tiny model, one line for every mistake."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from quantization import Recipe, open_quantized
from quantization.__main__ import app
from support.command_line import run
from tests.components.tiny import save_tiny_avatar
from tests.conftest import CHANGES

Call = Callable[..., tuple[int, str, str]]

FLAGS = {
    "plan": {
        **dict.fromkeys(("max_mb", "bits", "min_psnr")),
        "activations": "False",
        "target": None,
        "checkpoint": "small",
        **dict.fromkeys(CHANGES),
        "out": "recipe.json",
        "runs": None,
        "checks": None,
        "seed": "0",
        "cache": "quantization",
        "curve": None,
    },
    "apply": {
        "recipe": None,
        "checkpoint": "small",
        **dict.fromkeys(CHANGES),
        "out": "quantized",
    },
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    def made(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["quantization", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            run(app, "python -m quantization")
        return int(stop.value.code or 0), *capfd.readouterr()

    return made


def test_the_flags_and_their_defaults_are_pinned() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    found = {
        name: {
            p.name: None if p.required or p.default is None else str(p.default).rpartition("/")[2]
            for p in command.params
        }
        for name, command in commands.items()
    }
    assert found == FLAGS


def test_plan_then_apply(call: Call, checkpoint: Path, tmp_path: Path) -> None:
    recipe, out = tmp_path / "r" / "recipe.json", tmp_path / "quantized"
    few = ("--runs", 1, "--checks", 1, "--cache", tmp_path / "cache", "--checkpoint", checkpoint)
    code, table, _ = call("plan", "--bits", 5, "--out", recipe, *few)
    assert code == 0 and "uniform 4" in table and "mean dB" in table
    assert recipe.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert "data:image/png;base64," in recipe.with_suffix(".html").read_text()
    code, sizes, _ = call("apply", recipe, "--checkpoint", checkpoint, "--out", out)
    assert code == 0 and "denoiser" in sizes
    quantized = open_quantized(out)
    parameters = 0
    for name in quantized.pipeline.names:
        state = quantized.pipeline.component(name).module.state_dict()
        parameters += sum(value.numel() for value in state.values())
    assert quantized.size <= 5 * parameters / 8


def test_plan_of_activations(call: Call, checkpoint: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    few = ("--runs", 1, "--checks", 1, "--cache", tmp_path / "cache", "--checkpoint", checkpoint)
    code, told, _ = call("plan", "--activations", "--min-psnr", 5, "--out", recipe, *few)
    assert code == 0 and "convolutions in int8" in told and "SSIM" in told
    assert "decoder.layers.0" in Recipe.read(recipe).activations
    code, told, error = call("plan", "--activations", "--min-psnr", 200, "--out", recipe, *few)
    assert code == 2 and "cannot be reached with any layer in int8" in error


def test_mistakes_are_one_line_and_exit_code_2(
    call: Call, checkpoint: Path, tmp_path: Path
) -> None:
    other = {"schema_version": 1, "pipeline": "StableDiffusionPipeline"}
    (tmp_path / "other.json").write_text(json.dumps(other))
    out = tmp_path / "out"
    for arguments, message in (
        (("plan", "--bits", 4, "--max-mb", 3), "exclude each other"),
        (("plan", "--checkpoint", tmp_path / "nowhere"), "no checkpoint folder"),
        (("plan", "--target", "tflite"), "tflite"),
        (("plan", "--out", tmp_path), "is a directory"),
        (("plan", "--activations", "--bits", 4), "goes with --min-psnr only"),
        (("plan", "--activations", "--target", "ios18"), "does not compute in int8"),
        (("apply", tmp_path / "none.json", "--out", out), "none.json cannot be read"),
        (("apply", tmp_path / "other.json", "--out", out), "is for a StableDiffusionPipeline"),
    ):
        extra = () if "--checkpoint" in arguments else ("--checkpoint", checkpoint)
        code, told, error = call(*arguments, *extra)
        assert code == 2 and told == "" and message in error
        assert error.startswith("error: ") and error.count("\n") == 1
    assert not out.exists()
