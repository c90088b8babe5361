from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import typer
from safetensors.torch import load_file, save_file

from avatar import shipped
from export.__main__ import app
from export.manifest import json_schema
from tests.conftest import CHANGES, Command
from tests.exports import Exports

FLAGS = {
    "coreml": {
        "checkpoint": str(shipped.CHECKPOINT),
        **dict.fromkeys(CHANGES),
        "recipe": None,
        "target": "ios16",
        "precision": "fp16",
        "attention": "original",
        "chunks": "1",
        "components": "",
        "out": "dist/coreml",
        "layout": "own",
    },
    "onnx": {
        "checkpoint": str(shipped.CHECKPOINT),
        **dict.fromkeys(CHANGES),
        "recipe": None,
        "precision": "fp16",
        "out": "dist/onnx",
        "ort": None,
        "chunks": "1",
        "components": "",
        "layout": "own",
    },
    "multifunction": {"artifacts": None, "out": "dist/coreml-functions", "default": None},
    "verify": {"artifact": None},
    "run": {
        "artifact": None,
        "prompt": None,
        "negative": "",
        "seed": "0",
        **dict.fromkeys(("steps", "guidance", "strength", "image", "mask", "control", "runtime")),
        "out": "picture.png",
    },
    "schema": {"out": "docs/schemas/manifest.schema.json"},
}


def test_the_flags_and_their_defaults_are_pinned() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    found = {
        name: {
            p.name: None if p.required or p.default is None else str(p.default)
            for p in command.params
        }
        for name, command in commands.items()
    }
    assert found == FLAGS


def test_every_option_is_explained_with_its_default_and_why(command: Command) -> None:
    for verb in ("coreml", "onnx"):
        text = " ".join(command("export", verb, "--help").out.replace("│", " ").split())
        for name, default in FLAGS[verb].items():
            assert f"--{name.replace('_', '-')}" in text
            if name != "checkpoint" and default is not None:
                assert f"default: {default}" in text
        assert "because" in text and "Default: the trained checkpoint" in text


def test_the_schema_is_written_where_it_is_asked_for(command: Command, tmp_path: Path) -> None:
    out = tmp_path / "new" / "manifest.json"
    result = command("export", "schema", "--out", out)
    assert (result.code, result.out) == (0, f"{out}\n")
    assert out.read_bytes() == json_schema()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["coreml", "--checkpoint", "nowhere"], "no checkpoint folder at nowhere"),
        (["verify", "nowhere"], "no artifact at nowhere"),
        (["coreml", "--target", "ios12"], "ios12"),
        (["onnx", "--precision", "int3"], "int3"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    command: Command, arguments: list[str], message: str
) -> None:
    result = command("export", *arguments)
    assert result.code == 2
    assert message in result.err and result.out == ""
    assert "Traceback" not in result.err


def test_an_output_folder_that_is_not_an_artifact_is_exit_code_2(
    command: Command, tmp_path: Path, exports: Exports
) -> None:
    (tmp_path / "thesis.txt").write_text("years")
    checkpoint = exports.checkpoint("avatar")
    result = command("export", "onnx", "--checkpoint", str(checkpoint), "--out", str(tmp_path))
    assert result.code == 2 and "left alone" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.slow
def test_verify_says_what_is_there_and_what_is_wrong(
    command: Command, exports: Exports, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(exports.get("avatar", "onnx").folder, tmp_path / "onnx"))
    result = command("export", "verify", str(folder))
    assert result.code == 0
    assert "is whole: onnx, identity_encoder, denoiser, decoder" in result.out
    with (folder / "decoder.ort").open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"tampered")
    result = command("export", "verify", str(folder))
    assert result.code == 2
    assert result.err.strip() == (
        "error: decoder.ort was changed: its SHA-256 differs from the manifest's"
    )


@pytest.mark.slow
def test_a_failed_gate_is_exit_code_1_and_publishes_nothing(
    command: Command, exports: Exports, tmp_path: Path
) -> None:
    """A decoder whose activations are too large for fp16 must never reach an app."""
    checkpoint = Path(shutil.copytree(exports.checkpoint("avatar"), tmp_path / "checkpoint"))
    (weights,) = (checkpoint / "decoder").glob("*.safetensors")
    tensors = load_file(weights)
    first = next(name for name in tensors if name.endswith("0.weight"))
    tensors[first] = tensors[first] * 1e5
    save_file(tensors, weights, metadata={"format": "pt"})
    out = tmp_path / "coreml"
    result = command("export", "coreml", "--checkpoint", str(checkpoint), "--out", str(out))
    assert result.code == 1, result.err
    assert "failed" in result.out and "identity_encoder" in result.out
    assert "nothing was published" in result.err
    assert not out.exists()


@pytest.mark.slow
def test_the_shipped_checkpoint_passes_its_gates(command: Command, tmp_path: Path) -> None:
    result = command("export", "coreml", "--out", str(tmp_path / "coreml"))
    assert result.code == 0, result.err
    assert "failed" not in result.out and "published" in result.out
    assert "Loading" not in result.err, "libraries show no progress bars of their own"
