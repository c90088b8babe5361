from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import components
from components import CheckpointError, UnknownComponentError, UnknownPipelineError
from components.checkpoint import fingerprint, require_safetensors


def test_fingerprint_knows_contents_and_not_places(avatar_checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(avatar_checkpoint, tmp_path / "elsewhere"))
    assert fingerprint(copy) == fingerprint(avatar_checkpoint)
    (copy / "README.md").write_text("reworded")
    assert fingerprint(copy) == fingerprint(avatar_checkpoint)
    weights = next((copy / "decoder").glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert fingerprint(copy) != fingerprint(avatar_checkpoint)


def test_a_file_moved_to_another_folder_changes_the_fingerprint(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "one").mkdir(parents=True)
        (tmp_path / name / "two").mkdir()
    (tmp_path / "a" / "one" / "config.json").write_text("{}")
    (tmp_path / "b" / "two" / "config.json").write_text("{}")
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not a checkpoint"),
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"_class_name": 3}', "names no pipeline class"),
    ],
)
def test_what_is_no_checkpoint_is_one_clear_line(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "model_index.json").write_text(content)
    with pytest.raises(CheckpointError, match=message) as caught:
        components.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_folder_and_unknown_pipelines(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint folder"):
        components.load(tmp_path / "missing")
    (tmp_path / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    with pytest.raises(UnknownPipelineError, match=r"FluxPipeline.*AvatarPipeline"):
        components.load(tmp_path)


def test_unknown_component(avatar_checkpoint: Path) -> None:
    with pytest.raises(UnknownComponentError, match=r"'vae'.*identity_encoder"):
        components.load(avatar_checkpoint).component("vae")


def test_pickled_weights_are_never_read(avatar_checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(avatar_checkpoint, tmp_path / "pickled"))
    weights = next((copy / "decoder").glob("*.safetensors"))
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(CheckpointError, match="pickled"):
        components.load(copy).component("decoder")
    with pytest.raises(CheckpointError, match="no safetensors"):
        require_safetensors(tmp_path)


def test_a_checkpoint_without_its_sampler_or_with_other_weights_is_one_clear_line(
    avatar_checkpoint: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(avatar_checkpoint, tmp_path / "copy"))
    config = copy / "decoder" / "config.json"
    config.write_text(config.read_text().replace("16", "24"))
    with pytest.raises(CheckpointError, match="decoder") as caught:
        components.load(copy).component("decoder")
    assert "\n" not in str(caught.value)
    shutil.rmtree(copy / "sampler")
    with pytest.raises(CheckpointError, match="sampler has no scheduler_config"):
        components.load(copy).facts()
