from __future__ import annotations

from pathlib import Path

import pytest

from eval import GatesError
from eval.gates import of_tier, read, tiers
from eval.metrics import METRICS
from eval.runtimes import NAMES
from eval.tally import CEILINGS

TEXT = """
tier = "mine"
[components.psnr]
default = 50
onnx = 110
coreml_runtime = { default = 60, decoder = 64 }
apple = 45
[image]
ssim = 0.9
"""


def gates_file(folder: Path, text: str) -> Path:
    (folder / "gates.toml").write_text(text)
    return folder / "gates.toml"


def test_the_most_specific_entry_decides(tmp_path: Path) -> None:
    gates = read(gates_file(tmp_path, TEXT))
    assert gates.tier == "mine" and gates.checkpoint == "fp16"
    assert gates.limit("components", "psnr", "onnx", "decoder") == 110
    assert gates.limit("components", "psnr", "coreml_runtime", "decoder") == 64
    assert gates.limit("components", "psnr", "coreml_runtime", "denoiser") == 60
    assert gates.limit("components", "psnr", "apple-ne", "denoiser") == 45
    assert gates.limit("components", "psnr", "ort", "denoiser") == 50
    assert gates.limit("image", "ssim", "ort", "whole run") == 0.9
    assert gates.limit("image", "psnr", "ort") is None
    assert gates.limit("set", "accuracy_drop") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = [", "is no TOML"),
        ("[pictures]\npsnr = 1", "no level 'pictures'"),
        ("image = 3", "no level 'image'"),
        ("[image]\npsnr = 'high'", "'high'"),
        ("[image.psnr]\nonnx = true", "True"),
        ("checkpoint = 'w3'", "'w3'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GatesError, match=message) as error:
        read(gates_file(tmp_path, text))
    assert "gates.toml" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GatesError, match=r"cannot be read: No such file"):
        read(tmp_path / "none.toml")


def test_there_are_gates_for_every_tier() -> None:
    assert set(tiers()) >= {"fp32", "fp16", "w8", "w6", "w4", "w8a8"}
    with pytest.raises(GatesError, match="w3"):
        of_tier("w3")


@pytest.mark.parametrize("tier", tiers())
def test_gates_that_ship_name_only_what_is_measured(tier: str) -> None:
    """A misspelt metric or runtime would gate nothing."""
    gates = of_tier(tier)
    assert gates.tier == tier
    runtimes = {*NAMES, "apple", "default", "onnx", "ort", "mlpackage"}
    shown = {"order_psnr", "mask_psnr", "seed_effect", "layer_snr", "worst_layer_snr"}
    known = {*METRICS, *CEILINGS, *shown, *(f"median_{name}" for name in METRICS)}
    for level in gates.limits.values():
        for metric, limits in level.items():
            assert metric in known
            assert set(limits) <= runtimes
    for level, metric in (("components", "psnr"), ("image", "psnr"), ("trajectory", "psnr")):
        for runtime in ("onnx", "ort", "coreml_runtime", "apple-ne"):
            assert gates.limit(level, metric, runtime, "denoiser") is not None, (level, runtime)
    assert gates.limit("weights", "wrong", "onnx") == 0
    assert gates.limit("manifest", "wrong") == 0
    assert gates.limit("set", "tone_accuracy_drop") is not None
    assert gates.limit("size", "bytes_per_weight", "mlpackage") is not None
    assert gates.limit("speed", "ratio", "onnx") is not None
