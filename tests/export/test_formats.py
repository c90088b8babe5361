"""Tiny pipelines through both formats: what every artifact must be, whatever made it."""

from __future__ import annotations

import getpass
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import components
from components import reference
from components.metrics import psnr
from export import gates, golden, open_artifact, verify
from export.formats import FORMATS, Options, RuntimeGate, format_named
from export.report import ANCHOR, FINAL_IMAGE
from support.json_records import plain
from tests.exports import Exported, Exports

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LEAKS = (
    rb"site-packages",
    rb"stack_trace",
    rb"Traceback \(most",
    rb"pkg\.torch",
    rb"debug_handle",
    rb"/home/",
    rb"/Users/",
    rb"/tmp/",
    re.escape(bytes(ROOT)),
    re.escape(bytes(Path.home())) + rb"/",
    rb"\b" + re.escape(getpass.getuser().encode()) + rb"[@/\\]",
    date.today().isoformat().encode(),
)


@pytest.fixture(scope="module", params=["StableDiffusionPipeline", "avatar"])
def pipeline(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=sorted(FORMATS))
def exported(request: pytest.FixtureRequest, pipeline: str, exports: Exports) -> Exported:
    return exports.get(pipeline, request.param)


def test_it_does_what_pytorch_does(exported: Exported) -> None:
    by_runtime: dict[str, list[str]] = {}
    anchor, *rows = exported.rows
    assert anchor.name == ANCHOR and anchor.floor == gates.ANCHOR and anchor.passed, anchor
    for row in rows:
        assert row.passed, row
        component = gates.FP32 if row.runtime == "ort" else gates.FP16
        assert row.floor == (gates.IMAGE if row.name == FINAL_IMAGE else component), row
        by_runtime.setdefault(row.runtime, []).append(row.name)
    names = [*components.load(exported.checkpoint).names, FINAL_IMAGE]
    assert all(seen == names for seen in by_runtime.values())


def test_the_artifact_is_whole_and_says_what_it_is(exported: Exported) -> None:
    manifest = verify(exported.folder).manifest
    pipeline = components.load(exported.checkpoint)
    assert [entry.name for entry in manifest.components] == list(pipeline.names)
    assert manifest.checkpoint == components.fingerprint(exported.checkpoint)
    assert plain(manifest.sampler) == plain(pipeline.facts().sampler)
    assert plain(manifest.styles) == plain(pipeline.facts().styles)
    for entry in manifest.components:
        component = pipeline.component(entry.name)
        assert (entry.inputs, entry.outputs) == (component.inputs, component.outputs)
        assert entry.ops > 5
    card = (exported.folder / "README.md").read_text()
    for style in manifest.styles:
        assert style.creator in card and style.licence_url in card
    assert manifest.licence in card


def test_golden_vectors_are_the_references(exported: Exported) -> None:
    manifest = open_artifact(exported.folder).manifest
    pipeline = components.load(exported.checkpoint)
    for name, path in manifest.golden.components.items():
        run = reference.runner(pipeline.component(name))
        for case in golden.read(exported.folder / path):
            for output, array in run(case.inputs).items():
                np.testing.assert_allclose(case.outputs[output], array, atol=1e-5)
    (run,) = golden.read(exported.folder / manifest.golden.run)
    for name, array in pipeline.run(reference.runners(pipeline), run.inputs).items():
        np.testing.assert_allclose(run.outputs[name], array, atol=1e-4)
    size = sum(path.stat().st_size for path in (exported.folder / "golden").iterdir())
    assert size < 10e6, "golden vectors stay small"


def test_nothing_inside_tells_where_or_when_it_was_made(exported: Exported) -> None:
    pattern = re.compile(b"|".join(LEAKS))
    for path in exported.folder.rglob("*"):
        assert not pattern.search(path.name.encode())
        if path.is_file():
            found = pattern.search(path.read_bytes())
            assert not found, f"{path}: {found}"


def test_files_are_readable_by_everybody_who_may_enter(exported: Exported) -> None:
    modes = {path.stat().st_mode & 0o044 for path in exported.folder.rglob("*") if path.is_file()}
    assert len(modes) == 1, "no file is more private than the others"


def test_a_swapped_decoder_fails_the_check(exports: Exports, tmp_path: Path) -> None:
    """The check compares values, not names: another network of the same shapes falls through."""
    exported = exports.get("avatar", "onnx")
    pipeline = components.load(exported.checkpoint)
    (case,) = golden.read(exported.folder / "golden" / "decoder.safetensors")
    gate = RuntimeGate(runtime="onnx", kind="onnx", floor=gates.FP16)
    run = format_named("onnx").runner(exported.folder, "decoder", gate)
    right = run(case.inputs)["avatar"]
    assert psnr(case.outputs["avatar"], right, peak=1.0) > gate.floor
    mirrored = {"latents": np.ascontiguousarray(case.inputs["latents"][:, ::-1])}
    wrong = run(mirrored)["avatar"]
    assert psnr(case.outputs["avatar"], wrong, peak=1.0) < gate.floor
    assert pipeline.names[-1] == "decoder"


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("coreml", Options(precision="fp32", target="ios18")),
        ("onnx", Options(precision="fp32")),
    ],
)
def test_fp32_reaches_the_floor_of_fp32(format_: str, options: Options, exports: Exports) -> None:
    exported = exports.get("avatar", format_, options)
    assert open_artifact(exported.folder).manifest.options["precision"] == "fp32"
    for row in exported.rows[1:]:  # after the anchor
        assert row.floor == (gates.IMAGE if row.name == FINAL_IMAGE else gates.FP32), row
        assert row.psnr >= gates.FP32, row
