"""An assembled avatar model through both exporters: gates, manifest, preview, and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.metrics import psnr
from eval.cases import MODES
from eval.evaluate import evaluate
from eval.request import Request as Evaluation
from eval.workers import ThisProcess
from export import verify
from export.formats import Options
from export.golden import read
from export.report import ANCHOR, FINAL_IMAGE
from tests.conftest import Command
from tests.exports import Exports

KIND = "AdaptedAvatarPipeline"
EXAMPLE = Path(__file__).parents[2] / "examples" / "assemble"
SELFIE = Path(__file__).parents[2] / "docs" / "samples" / "selfie-1.png"
NEEDED = 45.0
"""What an 8-bit picture drawn by an artifact with fp16 weights must reach, in dB."""


@pytest.mark.slow
@pytest.mark.parametrize(("format_", "runtime"), [("onnx", "onnx"), ("coreml", "coreml_runtime")])
def test_an_artifact_draws_what_its_checkpoint_draws(
    format_: str, runtime: str, exports: Exports, command: Command, tmp_path: Path
) -> None:
    exported = exports.get(KIND, format_, Options(ort="none"))
    rows = {row.name for row in exported.rows}
    assert rows == {ANCHOR, "identity_encoder", "denoiser", "decoder", FINAL_IMAGE}
    assert all(row.passed for row in exported.rows)

    manifest = verify(exported.folder).manifest
    assert manifest.draws_avatars and manifest.schema_version == 2
    assert manifest.licence == "CC0-1.0"
    assert {change.what for change in manifest.changes} >= {"base", "adapter", "lora"}
    tokens = manifest.component("identity_encoder").outputs[0]
    assert tokens.shape == (1, 5, 32), "four image tokens, and one that says somebody is there"

    pictures = []
    common = ("create", "--style", "clay", "--seed", 3, "--checkpoint", exported.checkpoint)
    artifact = ("--runtime", runtime, "--artifact", exported.folder)
    for name, options in (("pytorch", ()), ("artifact", artifact)):
        file = tmp_path / f"{name}.png"
        done = command("avatar", *common, *options, "--out", file, SELFIE)
        assert done.code == 0, done.err
        with Image.open(file) as picture:
            pictures.append(np.asarray(picture) / 255)
    assert psnr(*pictures, peak=1.0) > NEEDED


@pytest.mark.slow
def test_the_preview_is_the_nearest_linear_picture(exports: Exports) -> None:
    """No other matrix and offset come nearer to the recorded picture at the latents' size."""
    exported = exports.get(KIND, "onnx", Options(ort="none"))
    preview = verify(exported.folder).manifest.preview
    assert preview is not None
    (case,) = read(exported.folder / "golden" / "decoder.safetensors")
    latents, picture = case.inputs["latents"][0], case.outputs["avatar"][0]
    small = picture.reshape(3, 16, 2, 16, 2).mean(axis=(2, 4))

    def error(matrix: np.ndarray, offset: np.ndarray) -> float:
        shown = np.einsum("chw,cr->rhw", latents, matrix) + offset[:, None, None]
        return float(((shown - small) ** 2).mean())

    matrix, offset = np.array(preview.matrix), np.array(preview.offset)
    least, rng = error(matrix, offset), np.random.default_rng(0)
    for _ in range(20):
        step = 1e-3 * rng.standard_normal(matrix.shape), 1e-3 * rng.standard_normal(3)
        assert error(matrix + step[0], offset + step[1]) > least


@pytest.mark.slow
def test_both_artifacts_keep_the_gates_of_the_example(exports: Exports, tmp_path: Path) -> None:
    """A quick evaluation: laws, components, runs, diffusers' own picture, identity."""
    made = [exports.get(KIND, format_, Options(ort="none")) for format_ in ("onnx", "coreml")]
    request = Evaluation(
        artifacts=tuple(each.folder for each in made),
        checkpoint=made[0].checkpoint,
        mode=MODES["quick"],
        out=tmp_path,
        cache=tmp_path / "cache",
        skip=frozenset({"speed"}),
    )
    report = evaluate(request, ThisProcess(request))
    assert report.passed, report.failures
    gated = {(row.runtime, row.metric) for row in report.rows if row.limit is not None}
    asked = ("order_psnr", "mask_psnr", "seed_effect", "style_effect", "anchor_psnr")
    for runtime in ("onnx", "coreml_runtime"):
        assert {(runtime, name) for name in (*asked, "identity_drop")} <= gated
    assert set(report.coverage.selfies) == {0, 1, 2, 3}, "as many as the model has places"
    (found,) = {
        row.value for row in report.rows if row.metric == "identity" if row.runtime == "onnx"
    }
    assert 0 < found < 1
