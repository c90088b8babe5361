"""The options on real commands: what they reach, and one line for each thing that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from export import open_artifact
from tests.components.overlay.adapters import pairs, save_kohya
from tests.components.overlay.originals import save_original, tiny_modules
from tests.conftest import Command


def test_a_single_file_with_a_lora_and_a_size_is_exported(command: Command, tmp_path: Path) -> None:
    modules = tiny_modules("sd1")
    file = save_original(tmp_path / "dreams.safetensors", "sd1", modules)
    lora = save_kohya(tmp_path / "ink.safetensors", pairs(modules, seed=1, targets=r"\.to_q$"))
    result = command(
        *("export", "onnx", "--checkpoint", file, "--lora", f"{lora}:0.5", "--size", "48x32"),
        *("--ort", "none", "--out", tmp_path / "out"),
    )
    assert result.code == 0, result.err
    assert "unpacking dreams.safetensors" in result.err
    assert "fusing 1 LoRA into the unet" in result.err
    manifest = open_artifact(tmp_path / "out").manifest
    (decoder,) = (entry for entry in manifest.components if entry.name == "decoder")
    assert decoder.outputs[0].shape == (1, 3, 32, 48)


@pytest.mark.parametrize(
    "verb",
    [
        ("export", "coreml"),
        ("export", "onnx"),
        ("quantization", "plan"),
        ("quantization", "apply", "recipe.json"),
        ("eval",),
    ],
)
def test_every_command_refuses_in_one_line(
    command: Command, sd_checkpoint: Path, verb: tuple[str, ...]
) -> None:
    for options, words in (
        (("--lora", "none.safetensors"), "--lora: there is no file none.safetensors"),
        (("--lora", "a:b"), "expected FILE:STRENGTH"),
        (("--size", "31x32"), "the nearest: 28x32 or 32x32"),
        (("--size", "big"), "expected WIDTHxHEIGHT"),
        (("--batch", "99"), "expected 1 to 16"),
        (("--pipeline", "Flux"), "--pipeline is 'Flux'"),
        (("--prediction", "noise"), "expected epsilon or v_prediction"),
        (("--vae", "none"), "--vae: none is missing"),
    ):
        result = command(*verb, "--checkpoint", sd_checkpoint, *options)
        assert result.code == 2
        assert words in result.err
        assert result.err.count("\n") == 1
