"""Quantized checkpoints: written, opened, run; and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import components
from avatar.model import AvatarPipeline
from components import CheckpointError
from components.reference import runners
from quantization import (
    INT8,
    PackedError,
    Recipe,
    apply,
    load,
    open_quantized,
    parse,
    sizes,
    write_quantized,
)
from quantization.schemes import Palette
from support.errors import PublishError
from tests.components.tiny import save_tiny_avatar

RECIPE = Recipe(
    pipeline="AvatarPipeline",
    patterns=(
        ("denoiser.*attn*", parse("int4/16")),
        ("identity_encoder.*", INT8),
        ("*", Palette(bits=6)),
    ),
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def written(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("quantized") / "out"
    write_quantized(apply(checkpoint, RECIPE), out)
    return out


def test_it_holds_the_same_tensors_and_bytes(
    checkpoint: Path, written: Path, tmp_path: Path
) -> None:
    made, opened = apply(checkpoint, RECIPE), open_quantized(written)
    assert opened.recipe == RECIPE and opened.size == made.size
    for name in made.pipeline.names:
        for key, tensor in made.packed(name).items():
            other = opened.packed(name)[key]
            assert (other.scheme, other.shape) == (tensor.scheme, tensor.shape)
            for array, values in tensor.arrays.items():
                np.testing.assert_array_equal(other.arrays[array], values)
    write_quantized(made, tmp_path / "again")
    for file in sorted(written.rglob("*")):
        if file.is_file():
            assert (
                tmp_path / "again" / file.relative_to(written)
            ).read_bytes() == file.read_bytes()


def test_its_size_is_what_the_recipe_promises(checkpoint: Path, written: Path) -> None:
    promised = sizes(components.load(checkpoint), RECIPE)
    assert sum(promised.values()) == open_quantized(written).size
    for name, size in promised.items():
        held = (written / "quantized" / f"{name}.safetensors").read_bytes()
        header = int.from_bytes(held[:8], "little")  # which begins each such file
        assert len(held) == 8 + header + size


def test_load_opens_it_as_the_pipeline_it_was(checkpoint: Path, written: Path) -> None:
    pipeline = load(written)
    assert isinstance(pipeline, AvatarPipeline)
    selfies = np.random.default_rng(0).random((2, 3, 128, 128), np.float32)
    picture = pipeline(selfies, 1, [5])
    original = AvatarPipeline.from_pretrained(checkpoint)(selfies, 1, [5])
    assert 0 < np.abs(picture - original).mean() < 0.05
    quantized = open_quantized(written).pipeline
    run = quantized.example_run(1)
    assert quantized.run(runners(quantized), run)["avatar"].shape == (1, 3, 256, 256)


def test_only_an_old_one_is_replaced(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    made = apply(checkpoint, RECIPE)
    with pytest.raises(PublishError, match="not a quantized checkpoint; it is left alone"):
        write_quantized(made, tmp_path / "precious")
    assert (tmp_path / "precious" / "file").read_text() == "mine"
    write_quantized(made, tmp_path / "out")
    write_quantized(made, tmp_path / "out")
    kept = sorted(path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock"))
    assert kept == ["out", "precious"]


def test_weights_without_numbers_are_named(checkpoint: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(checkpoint, tmp_path / "broken")
    file = broken / "decoder" / "diffusion_pytorch_model.safetensors"
    state = load_file(file)
    state["layers.0.weight"][0, 0, 0, 0] = torch.nan
    save_file(state, file)
    with pytest.raises(CheckpointError, match=r"decoder\.layers\.0\.weight .* NaN or infinity"):
        write_quantized(apply(broken, RECIPE), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken"]


def test_damage_is_named(written: Path, tmp_path: Path) -> None:
    with pytest.raises(PackedError, match="is no quantized checkpoint"):
        load(tmp_path)
    damaged = shutil.copytree(written, tmp_path / "damaged")
    file = damaged / "quantized" / "decoder.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(PackedError, match=r"decoder\.safetensors"):
        open_quantized(damaged).packed("decoder")
    file.unlink()
    with pytest.raises(PackedError, match=r"decoder\.safetensors cannot be read"):
        open_quantized(damaged).packed("decoder")


def test_another_models_tensors_are_refused(written: Path, tmp_path: Path) -> None:
    other = shutil.copytree(written, tmp_path / "other")
    config = other / "decoder" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "widths": [16, 16, 24]}))
    with pytest.raises(components.CheckpointError, match="decoder do not fit its configuration"):
        open_quantized(other).pipeline.component("decoder")
