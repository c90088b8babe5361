"""`python -m sdk_bindings` does what its help says."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
import typer

from sdk_bindings import KOTLIN, LANGUAGES, SWIFT, Language
from sdk_bindings.__main__ import app
from tests.conftest import Command
from tests.sdk_bindings.conftest import MakeArtifact

BOTH = pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda language: language.name)

FLAGS = {
    "swift": {"artifact": "dist/coreml", "out": "dist/swift", "model": None},
    "kotlin": {"artifact": "dist/onnx", "out": "dist/kotlin", "model": None},
    "refresh": {"libraries": None, "artifact": "dist/onnx", "check": "False"},
    "golden": {},
}


def require(language: Language) -> None:
    if not language.library.is_dir():
        pytest.skip(f"there is no {language.library} in this tree")


def test_the_flags_and_their_defaults_are_pinned() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    found = {
        name: {p.name: None if p.default is None else str(p.default) for p in command.params}
        for name, command in commands.items()
    }
    assert found == FLAGS
    assert all(inspect.getdoc(command.callback) for command in commands.values())


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ("none", "kotlin --artifact nowhere", "no artifact at nowhere"),
        ("byte", "kotlin", "decoder.onnx was changed: its SHA-256 differs"),
        ("byte", "swift", "decoder.onnx was changed: its SHA-256 differs"),
        ("byte", "refresh kotlin", "decoder.onnx was changed: its SHA-256 differs"),
        ("gone", "kotlin", "decoder.onnx is missing"),
        ("schema", "kotlin", "schema version 99, this reads"),
        ("no JSON", "kotlin", "manifest.json: not JSON"),
        ("none", "kotlin --model mlpackage", "'mlpackage' is not one of"),
        ("none", "dart", "No such command 'dart'"),
        ("none", "refresh dart", "'dart' is not one of"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    command: Command,
    make_artifact: MakeArtifact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    arguments: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make_artifact("mine")
    manifest, model = folder / "manifest.json", folder / "decoder.onnx"
    if change == "byte":
        model.write_bytes(model.read_bytes().replace(b"as", b"AS"))
    elif change == "gone":
        model.unlink()
    elif change == "schema":
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"schema_version": 99}))
    elif change == "no JSON":
        manifest.write_bytes(b"\x00")
    words = arguments.split()
    if "--artifact" not in words and words[0] != "dart":
        words += ["--artifact", "mine"]
    result = command("sdk_bindings", *words)
    assert result.code == 2 and result.out == ""
    assert result.err.startswith("error: ") and result.err.count("\n") == 1
    assert message in result.err
    assert not (tmp_path / "dist").exists()


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@BOTH
def test_the_generated_file_in_the_tree_is_that_of_the_shipped_checkpoint(
    command: Command, shipped_onnx: Path, language: Language
) -> None:
    require(language)
    result = command(
        "sdk_bindings", "refresh", language.name, "--check", "--artifact", shipped_onnx
    )
    assert result.code == 0, result.err
    assert result.out == f"{language.library / language.generated}\n"


def test_a_stale_file_is_named_with_what_to_do(
    command: Command, make_artifact: MakeArtifact
) -> None:
    require(KOTLIN)
    before = (KOTLIN.library / KOTLIN.generated).read_bytes()
    result = command("sdk_bindings", "refresh", "kotlin", "--check", "--artifact", make_artifact())
    assert result.code == 2
    assert "is out of date; run: python -m sdk_bindings refresh" in result.err
    assert (KOTLIN.library / KOTLIN.generated).read_bytes() == before


@BOTH
def test_a_package_of_the_shipped_model_is_the_same_every_time(
    command: Command, shipped_onnx: Path, tmp_path: Path, language: Language
) -> None:
    require(language)
    for name in ("one", "other"):
        arguments = (language.name, "--artifact", shipped_onnx, "--out", tmp_path / name)
        result = command("sdk_bindings", *arguments)
        assert result.code == 0, result.err
    files = content(tmp_path / "one")
    assert files == content(tmp_path / "other")
    assert "What an app grows by" in result.out and f"published {tmp_path / 'other'}" in result.out
    assert files[language.generated] == (language.library / language.generated).read_bytes()
    models = [path for path in files if path.startswith(f"{language.artifact}/")]
    assert sorted(Path(path).name for path in models) == [
        *("README.md", "decoder.onnx", "denoiser.onnx", "identity_encoder.onnx")
    ]
    assert files["golden/noise.safetensors"] and files["golden/artifact/run.safetensors"]
    assert not [path for path in files if "target/" in path or "/.build/" in path]


def test_a_package_may_carry_core_ml(
    command: Command, make_artifact: MakeArtifact, tmp_path: Path
) -> None:
    require(SWIFT)
    folder = make_artifact("coreml", kinds=("mlpackage",), format="coreml")
    result = command("sdk_bindings", "swift", "--artifact", folder, "--out", tmp_path / "swift")
    assert result.code == 0, result.err
    assert "Core ML is part of iOS" in result.out
    held = tmp_path / "swift" / SWIFT.artifact / "decoder.mlpackage" / "Data" / "weight.bin"
    assert held.read_bytes() == b"decoder as mlpackage"
