from __future__ import annotations

import json
from pathlib import Path

import pytest

from components import load
from eval import GatesError
from eval.gates import names, of_tier, read, tiers
from eval.metrics import METRICS, names_at
from eval.pipelines import kind_of
from export import gates as export_gates
from tests.components.tiny import PIPELINES
from tests.exports import Exports

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
        ("imag = 3", "no level 'imag', only image, manifest"),
        ("image = 3", r"\[image\]: it is 3, expected a table"),
        ("full = 3", "full is 3, expected a table of levels"),
        ("[full.imag]\npsnr = 1", "no level 'imag', only image, manifest"),
        ("[full.image]\npsn = 1", r"\[full.image\]: there is no metric 'psn'"),
        ("tier = 3", "tier is 3"),
        ("[image]\npsnr = 'high'", "'high'"),
        ("[image.psnr]\nonnx = true", "True"),
        ("checkpoint = 'w3'", "'w3'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GatesError, match=message) as error:
        read(gates_file(tmp_path, text))
    assert "gates.toml" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("[image]\npsn = 40", "[image]", "no metric 'psn', only psnr, "),
        ("[trajectory]\nssim = 0.9", "[trajectory]", "no metric 'ssim', only psnr, "),
        ("[speed]\npeak_bytes = 9", "[speed]", "no metric 'peak_bytes'"),
        ("[image.psnr]\nonx = 40", "[image] psnr", "no runtime 'onx', only onnx, "),
        ("[image.psnr]\nmlpackage = 4", "[image] psnr", "no runtime 'mlpackage'"),
        ("[image.psnr]\nappl = 40", "[image] psnr", "no runtime 'appl', only apple, "),
        ("[size.bytes]\ncoreml_runtime = 4", "[size] bytes", "no runtime 'coreml_runtime'"),
        ("[manifest.wrong]\nonnx = 0", "[manifest] wrong", "no runtime 'onnx', only default"),
        (
            "[components.psnr]\nonnx = { decode = 40 }",
            "[components] psnr.onnx",
            "no component 'decode', only decoder, ",
        ),
        ("[image.psnr]\nort = { decoder = 4 }", "[image] psnr.ort", "no component 'decoder'"),
        ("[image.psnr]\nort = nan", "[image] psnr.ort.default", "is nan, expected a finite"),
        ("[image]\npsnr = -inf", "[image] psnr.default.default", "is -inf, expected a finite"),
        (f"[image]\npsnr = 1{'0' * 400}", "[image] psnr.default.default", "expected a finite"),
    ],
)
def test_what_would_gate_nothing_is_refused_with_the_nearest_name_first(
    tmp_path: Path, text: str, place: str, message: str
) -> None:
    with pytest.raises(GatesError) as error:
        read(gates_file(tmp_path, text))
    said = str(error.value)
    assert f"gates.toml, {place}" in said and message in said and "\n" not in said


def test_names_are_those_of_what_is_measured() -> None:
    for level in ("components", "image"):
        computed = {name for name, metric in METRICS.items() if metric.compute}
        slow = {name for name, metric in METRICS.items() if metric.slow}
        assert computed - (slow if level == "components" else set()) <= set(names_at(level))  # type: ignore[arg-type]
    assert all(metric.levels for metric in METRICS.values())


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_gates_can_name_every_component_and_kind(pipeline: str, exports: Exports) -> None:
    loaded = load(exports.checkpoint(pipeline))
    assert {*loaded.names} <= {*names.COMPONENTS}
    assert kind_of(loaded).name in names.KINDS


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GatesError, match=r"cannot be read: No such file"):
        read(tmp_path / "none.toml")


def test_there_are_gates_for_every_tier() -> None:
    assert set(tiers()) >= {"fp32", "fp16", "w8", "w6", "w4", "w8a8"}
    with pytest.raises(GatesError, match="w3"):
        of_tier("w3")


@pytest.mark.parametrize("tier", tiers())
def test_gates_that_ship_name_what_must_be_gated(tier: str) -> None:
    """That they name nothing else, reading them tells."""
    gates = of_tier(tier)
    assert gates.tier == tier
    for level, metric in (("components", "psnr"), ("image", "psnr"), ("trajectory", "psnr")):
        for runtime in ("onnx", "ort", "coreml_runtime", "apple-ne"):
            assert gates.limit(level, metric, runtime, "denoiser") is not None, (level, runtime)
    assert gates.limit("weights", "wrong", "onnx") == 0
    assert gates.limit("manifest", "wrong") == 0
    assert gates.limit("set", "tone_accuracy_drop") is not None
    assert gates.limit("size", "bytes_per_weight", "mlpackage") is not None
    assert gates.limit("speed", "ratio", "onnx") is not None


def test_a_full_evaluation_has_limits_of_its_own_and_keeps_the_others(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        "[image.psnr]\nonnx = 100\ncoreml_runtime = 60\n[full.image.psnr]\ncoreml_runtime = 55\n"
    )
    usual = read(file)
    full = usual.in_full()
    assert usual.limit("image", "psnr", "coreml_runtime") == 60
    assert full.limit("image", "psnr", "coreml_runtime") == 55
    assert full.limit("image", "psnr", "onnx") == usual.limit("image", "psnr", "onnx") == 100
    assert full.in_full() == full


@pytest.mark.parametrize("tier", tiers())
def test_only_the_worst_of_whole_runs_has_another_limit_in_full(tier: str) -> None:
    held = {(level, metric) for level, of in of_tier(tier).full.items() for metric in of}
    assert held <= {("trajectory", "psnr"), ("image", "psnr")}


@pytest.mark.parametrize("base", ["base", "unquantized", "fp16"])
def test_a_file_extends_one_that_ships_and_its_own_entries_stay(tmp_path: Path, base: str) -> None:
    own = read(gates_file(tmp_path, f'extend = "{base}"\n[speed.ratio]\nonnx = 3\n'))
    assert own.tier == "gates" and own.limit("speed", "ratio", "onnx") == 3
    assert own.limit("speed", "ratio", "ort") == 15
    assert own.limit("weights", "missing", "coreml_runtime", "decoder") == 1
    inherited = own.limit("components", "psnr", "ort", "denoiser")
    assert inherited == (None if base == "base" else 118)


def test_full_limits_are_inherited_too(tmp_path: Path) -> None:
    own = read(gates_file(tmp_path, 'extend = "fp16"\n[full.image.psnr]\nonnx = 90\n')).in_full()
    assert own.limit("image", "psnr", "coreml_runtime") == 55
    assert own.limit("image", "psnr", "onnx") == 90


def test_files_without_a_tier_are_only_there_to_be_extended() -> None:
    assert not {"base", "unquantized"} & set(tiers())
    with pytest.raises(GatesError, match="no gates for tier 'base'"):
        of_tier("base")


def test_the_exports_floors_are_read_by_name(tmp_path: Path) -> None:
    own = read(gates_file(tmp_path, '[image.psnr]\ndefault = "export.IMAGE"\n'))
    assert own.limit("image", "psnr", "onnx") == export_gates.IMAGE
    assert of_tier("fp16").limit("components", "psnr", "apple-ne") == export_gates.FP16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extend = 'w3'", "extend is 'w3', expected one of base, "),
        ("extend = ['base']", r"extend is \['base'\], expected one of base, "),
        (
            "[image]\npsnr = 'export.IMAGES'",
            r"\[image\] psnr.default.default: there is no floor of the export 'export.IMAGES', "
            r"only export.IMAGE, ",
        ),
        ("[image]\npsnr = 'IMAGE'", "is 'IMAGE', expected a finite number"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GatesError, match=message) as error:
        read(gates_file(tmp_path, text))
    assert "\n" not in str(error.value)


def test_the_limits_that_ship_change_only_on_purpose() -> None:
    """`golden/limits.json` has every limit that a tier sets, by level, metric, runtime, component.

    It guards what a tier inherits: whoever edits a file that others extend sees what it changes.
    """
    golden = json.loads((Path(__file__).parents[1] / "golden" / "limits.json").read_text())
    assert golden == {
        tier: {"limits": of_tier(tier).limits, "full": of_tier(tier).full} for tier in tiers()
    }
