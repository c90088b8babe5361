from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from components import TensorSpec
from export import (
    ArtifactError,
    ComponentEntry,
    GoldenEntry,
    Manifest,
    ManifestError,
    SamplerEntry,
    open_artifact,
    verify,
)
from export.artifact import close

SPEC = TensorSpec(name="x", shape=(1,))


def make(folder: Path) -> Path:
    """A small artifact that is whole."""
    (folder / "net.mlpackage" / "Data").mkdir(parents=True)
    (folder / "net.mlpackage" / "Manifest.json").write_text("{}")
    (folder / "net.mlpackage" / "Data" / "weight.bin").write_bytes(bytes(range(200)))
    (folder / "golden").mkdir()
    (folder / "golden" / "run.safetensors").write_bytes(b"run")
    (folder / "golden" / "net.safetensors").write_bytes(b"net")
    (folder / "README.md").write_text("card")
    entry = ComponentEntry(
        name="net",
        description="",
        models={"mlpackage": "net.mlpackage"},
        ops=1,
        inputs=(SPEC,),
        outputs=(SPEC,),
    )
    golden = GoldenEntry(
        seed=0, run="golden/run.safetensors", components={"net": "golden/net.safetensors"}
    )
    manifest = Manifest(
        format="coreml",
        version="1",
        pipeline="P",
        licence="MIT",
        options={},
        checkpoint="0" * 64,
        tools={},
        styles=(),
        sampler=SamplerEntry(prediction="velocity", guidance=1.0, timesteps=(), sigmas=(0.0,)),
        components=(entry,),
        golden=golden,
        files=(),
    )
    close(folder, manifest)
    return folder


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _edit(folder: Path, change: Callable[[dict], object]) -> None:
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_what_was_closed_is_whole(tmp_path: Path) -> None:
    artifact = verify(make(tmp_path))
    assert [entry.path for entry in artifact.manifest.files] == [
        "README.md",
        "golden/net.safetensors",
        "golden/run.safetensors",
        "net.mlpackage/Data/weight.bin",
        "net.mlpackage/Manifest.json",
    ]
    assert artifact.model("net", "mlpackage") == tmp_path / "net.mlpackage"


WEIGHTS = "net.mlpackage/Data/weight.bin"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: _flip(f / WEIGHTS), f"{WEIGHTS} was changed"),
        (lambda f: (f / WEIGHTS).write_bytes(b"short"), f"{WEIGHTS} has 5 bytes.*200"),
        (lambda f: (f / WEIGHTS).unlink(), f"{WEIGHTS} is missing"),
        (lambda f: (f / "extra.txt").write_text("x"), "extra.txt is not in the manifest"),
        (lambda f: (f / "link").symlink_to("/etc"), "link is not in the manifest"),
        (
            lambda f: (f / "manifest.json").unlink(),
            "a folder with manifest.json",
        ),
        (lambda f: (f / "manifest.json").write_text("{"), "not JSON"),
        (lambda f: _edit(f, lambda m: m["files"].pop()), "Manifest.json is not in the manifest"),
        (lambda f: _edit(f, lambda m: m["files"].append(m["files"][0])), "lists a file twice"),
        (lambda f: _edit(f, lambda m: m["files"][0].update(sha256="0" * 64)), "README.md was"),
        (lambda f: _edit(f, lambda m: m["golden"].update(run="golden/no")), "points to golden/no"),
        (lambda f: _edit(f, lambda m: m["golden"].pop("run")), "has no field 'golden.run'"),
    ],
)
def test_the_first_thing_wrong_is_named(
    tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(make(tmp_path))
    with pytest.raises(ArtifactError, match=message) as caught:
        verify(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_link_in_place_of_a_file_is_not_the_file(tmp_path: Path) -> None:
    folder = make(tmp_path / "artifact")
    shutil.move(folder / WEIGHTS, tmp_path / "weight.bin")
    (folder / WEIGHTS).symlink_to(tmp_path / "weight.bin")
    with pytest.raises(ArtifactError, match="is missing"):
        verify(folder)


def test_models_are_asked_for_by_component_and_kind(tmp_path: Path) -> None:
    artifact = open_artifact(make(tmp_path))
    with pytest.raises(ManifestError, match="no component 'unet'; there are net"):
        artifact.model("unet", "mlpackage")
    with pytest.raises(ArtifactError, match="has no onnx of net; it has mlpackage"):
        artifact.model("net", "onnx")
    (tmp_path / WEIGHTS).write_bytes(b"short")
    with pytest.raises(ArtifactError, match="has 5 bytes"):
        artifact.model("net", "mlpackage")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no artifact at"):
        open_artifact(tmp_path / "nowhere")
