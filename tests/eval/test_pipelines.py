"""Small artifacts of pipelines from text, evaluated: right ones pass, planted faults are named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from eval import Report, SubjectError, gates
from eval.cases import MODES
from eval.evaluate import evaluate
from eval.gates import Gates
from eval.request import Request
from eval.workers import ThisProcess
from export import artifact
from export.formats import Options
from tests.conftest import Command
from tests.exports import Exports

ONNX = Options(ort="none")
PLAIN, XL = "StableDiffusionPipeline", "StableDiffusionXLPipeline"
KINDS = (
    (PLAIN, "onnx"),
    (XL, "onnx"),
    ("LatentConsistencyModelPipeline", "onnx"),
    ("StableDiffusionInpaintPipeline", "onnx"),
    ("StableDiffusionControlNetPipeline", "onnx"),
    (PLAIN, "coreml"),
)

LIMITS = """
extend = "fp16"
[latent_diffusion.size]
bytes_per_weight = { onnx = 20, mlpackage = 20 }     # a tiny file is mostly its graph
"""

Judge = Callable[..., Report]


@pytest.fixture(scope="module")
def own_gates(tmp_path_factory: pytest.TempPathFactory) -> Gates:
    file = tmp_path_factory.mktemp("gates") / "tiny.toml"
    file.write_text(LIMITS)
    return gates.read(file)


@pytest.fixture(scope="module")
def judged(exports: Exports, work: Path, own_gates: Gates) -> Judge:
    """A quick evaluation of an artifact, whose hashes are computed anew."""

    def call(pipeline: str, folder: Path, *skip: str, prompts: tuple[str, ...] = ()) -> Report:
        artifact.close(folder, artifact.open_artifact(folder).manifest)
        request = Request(
            artifacts=(folder,),
            checkpoint=exports.checkpoint(pipeline),
            gates=own_gates,
            mode=MODES["quick"],
            prompts=prompts,
            out=work / "out",
            cache=work / "cache",
            skip=frozenset(("speed", *skip)),
        )
        return evaluate(request, ThisProcess(request))

    return call


@pytest.fixture
def copy(exports: Exports, tmp_path: Path) -> Callable[[str], Path]:
    def call(pipeline: str) -> Path:
        folder = exports.get(pipeline, "onnx", ONNX).folder
        return Path(shutil.copytree(folder, tmp_path / pipeline))

    return call


def failed(report: Report) -> set[tuple[str, str]]:
    return {(row.level, row.component) for row in report.failures}


@pytest.mark.slow
@pytest.mark.parametrize(("pipeline", "format_"), KINDS)
def test_right_artifacts_pass_at_every_level(
    exports: Exports, judged: Judge, pipeline: str, format_: str
) -> None:
    options = ONNX if format_ == "onnx" else Options()
    report = judged(pipeline, exports.get(pipeline, format_, options).folder)
    assert report.passed, report.failures
    levels = {row.level for row in report.rows}
    assert levels == {"manifest", "weights", "components", "trajectory", "image", "size"}
    gated = {(row.component, row.metric) for row in report.rows if row.limit is not None}
    assert {("unet", "psnr"), ("decoder", "psnr"), ("whole run", "anchor_psnr")} <= gated
    assert {search.component for search in report.searches if search.layers} >= {"unet"}
    assert report.coverage.prompts and Report.parse(report.dump()) == report


PARTS = (
    ("avatar", ("denoiser", "decoder"), "identity_encoder"),
    (PLAIN, ("unet",), "text_encoder, decoder"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("pipeline", "parts", "left_out"), PARTS)
def test_an_artifact_of_some_components_is_evaluated_without_whole_runs(
    exports: Exports, judged: Judge, pipeline: str, parts: tuple[str, ...], left_out: str
) -> None:
    exported = exports.get(pipeline, "onnx", replace(ONNX, components=parts))
    report = judged(pipeline, exported.folder)
    assert report.passed, report.failures
    gated = {(row.level, row.component) for row in report.rows if row.limit is not None}
    assert {(level, part) for part in parts for level in ("weights", "components")} <= gated
    (unrun,) = (row for row in report.rows if row.outcome == "unavailable")
    assert unrun.level == "image"
    assert unrun.reason == f"it was exported without {left_out}: no whole runs"


@pytest.mark.slow
def test_chunks_are_evaluated_as_the_component_that_they_are(
    exports: Exports, judged: Judge
) -> None:
    exported = exports.get(PLAIN, "onnx", replace(ONNX, chunks=2))
    report = judged(PLAIN, exported.folder)
    assert report.passed, report.failures
    gated = {(row.component, row.metric) for row in report.rows if row.limit is not None}
    assert {("unet", "psnr"), ("whole run", "anchor_psnr")} <= gated
    unread = {(row.level, row.component) for row in report.rows if row.outcome == "unavailable"}
    assert unread == {("weights", "unet")}


@pytest.mark.slow
def test_a_component_that_only_the_manifest_leaves_out_is_one_line(
    exports: Exports, judged: Judge, copy: Callable[[str], Path]
) -> None:
    folder = copy(PLAIN)
    values = json.loads((folder / "manifest.json").read_text())
    del values["components"][0]
    (folder / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(SubjectError, match="holds unet, decoder, expected text_encoder, unet"):
        judged(PLAIN, folder)


def late_timestep(values: dict[str, Any]) -> None:
    values["sampler"]["also"][-1]["timesteps"][1] += 1


def another_weight(values: dict[str, Any]) -> None:
    values["sampler"]["also"][-1]["weights"][-1][0] *= 1.05


def another_schedule(values: dict[str, Any]) -> None:
    values["sampler"]["schedule"]["alphas_cumprod"][3] *= 0.99


def less_guidance(values: dict[str, Any]) -> None:
    for table in (values["sampler"], *values["sampler"]["also"]):
        table["guidance"] = 4.0


def another_padding(values: dict[str, Any]) -> None:
    values["tokenizer"]["pad"] += 1


def read_empty_prompt(values: dict[str, Any]) -> None:
    del values["settings"]["empty_prompt"]


def another_size(values: dict[str, Any]) -> None:
    values["settings"]["time_ids"][0] *= 2


FAULTS = (
    # Wrong in a table that the run takes, or in what every run takes: seen there too.
    (PLAIN, late_timestep, "timesteps of 3 steps", True),
    (PLAIN, another_weight, "weights of 3 steps, row 4", True),
    (PLAIN, less_guidance, "guidance of 20 steps is 4.0, expected 7.5", True),
    (XL, read_empty_prompt, "settings.empty_prompt is None, expected zeros", True),
    (XL, another_size, "settings.time_ids", True),
    # What only other runs or apps read.
    (PLAIN, another_schedule, "the sampler's schedule", False),
    (PLAIN, another_padding, "tokenizer.pad", False),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipeline", "edit", "named", "seen_in_runs"), FAULTS, ids=[row[1].__name__ for row in FAULTS]
)
def test_a_wrong_constant_is_named(
    copy: Callable[[str], Path],
    judged: Judge,
    pipeline: str,
    edit: Callable[[dict[str, Any]], None],
    named: str,
    seen_in_runs: bool,
) -> None:
    folder = copy(pipeline)
    values = json.loads((folder / "manifest.json").read_text())
    edit(values)
    (folder / "manifest.json").write_text(json.dumps(values))
    report = judged(pipeline, folder, "weights", "components")
    (row,) = (row for row in report.failures if row.level == "manifest")
    assert named in row.where.detail
    assert (("trajectory", "whole run") in failed(report)) == seen_in_runs


@pytest.mark.slow
def test_swapped_text_encoders_are_named(copy: Callable[[str], Path], judged: Judge) -> None:
    folder = copy(XL)
    one, other = folder / "text_encoder.onnx", folder / "text_encoder_2.onnx"
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    found = failed(judged(XL, folder))
    assert {("weights", "text_encoder"), ("weights", "text_encoder_2")} <= found
    assert {("components", "text_encoder"), ("components", "text_encoder_2")} <= found
    assert ("components", "unet") not in found and ("components", "decoder") not in found


@pytest.mark.slow
def test_a_changed_vocabulary_is_named(copy: Callable[[str], Path], judged: Judge) -> None:
    folder = copy(PLAIN)
    path = folder / "tokenizer" / "vocab.json"
    vocabulary = json.loads(path.read_text())
    vocabulary["a"], vocabulary["e</w>"] = vocabulary["e</w>"], vocabulary["a"]
    path.write_text(json.dumps(vocabulary))
    report = judged(PLAIN, folder, "weights", "components")
    assert ("manifest", "whole run") in failed(report)
    assert ("trajectory", "whole run") in failed(report), "the artifact reads another text"


@pytest.mark.slow
def test_a_perturbed_weight_is_found_and_its_layer_named(
    copy: Callable[[str], Path], judged: Judge
) -> None:
    folder, layer = copy(PLAIN), "model.mid_block.resnets.1.conv2"
    path = folder / "unet.onnx"
    model = onnx.load(path)
    (tensor,) = (t for t in model.graph.initializer if t.name == f"{layer}.weight")
    values = numpy_helper.to_array(tensor).copy()
    values[1] = np.asarray(values[1] * 1.5, values.dtype)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)
    report = judged(PLAIN, folder)
    assert {("weights", "unet"), ("components", "unet"), ("image", "whole run")} <= failed(report)
    (row,) = (row for row in report.failures if row.level == "weights")
    assert f"{layer}.weight" in row.where.detail
    (search,) = (search for search in report.searches if search.first)
    assert search.component == "unet" and search.first == layer


@pytest.mark.slow
def test_prompts_of_ones_own_are_drawn_too(
    exports: Exports, judged: Judge, command: Command, tmp_path: Path
) -> None:
    folder = exports.get(PLAIN, "onnx", ONNX).folder
    report = judged(PLAIN, folder, "weights", "components", prompts=("a cat", "a dog"))
    assert report.passed and report.coverage.runs == 2
    assert report.coverage.prompts[1:] == ("a cat",)
    file = tmp_path / "prompts.txt"
    file.write_text("\n  \n")
    result = command("eval", folder, "--prompts", file)
    assert result.code == 2 and f"{file} holds no prompts" in result.err
    result = command("eval", folder, "--prompts", tmp_path / "none.txt")
    assert result.code == 2 and "cannot be read: No such file" in result.err


@pytest.mark.slow
def test_a_large_checkpoint_is_streamed_with_the_same_figures_and_says_how_long_it_takes(
    exports: Exports, judged: Judge, own_gates: Gates, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = exports.get(PLAIN, "onnx", ONNX).folder
    whole = judged(PLAIN, folder)
    monkeypatch.setattr("eval.request.LARGE", 0)
    monkeypatch.setattr("eval.evaluate.LONG", 0.0)
    request = Request(
        artifacts=(folder,),
        checkpoint=exports.checkpoint(PLAIN),
        gates=own_gates,
        mode=replace(MODES["quick"], searched_weights=1),
        out=work / "out",
        cache=work / "streamed",
    )
    said: list[str] = []
    streamed = evaluate(request, ThisProcess(request), said.append)
    assert streamed.passed, streamed.failures
    assert said == ["this takes about 1 min in one process (whole runs: 1)"]
    assert all(search.note.endswith("too many for mode quick") for search in streamed.searches)
    values = {row.key: row.value for row in streamed.rows if row.level != "speed"}
    layers = ("worst_layer_snr", "layer_gain")
    assert values == {row.key: row.value for row in whole.rows if row.metric not in layers}
    assert {cost.runtime for cost in streamed.costs} == {"pytorch", "onnx"}
