"""Small real artifacts, evaluated: right ones pass, wrong ones fail where they are wrong."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from eval import OtherCheckpointError, Report
from export import ArtifactError, ManifestError
from export.formats import Options
from tests.components.tiny import save_tiny_avatar
from tests.eval.conftest import Evaluate
from tests.exports import Exports

NO_ORT = Options(ort="none")
CLOSE = frozenset({"speed", "set"})
RUNS = ("trajectory", "image")


@pytest.fixture(scope="session")
def right(exports: Exports, quick: Evaluate) -> Report:
    folders = (exports.get("avatar", "onnx").folder, exports.get("avatar", "coreml").folder)
    return quick(*folders)


def failed(report: Report) -> set[tuple[str, str]]:
    return {(row.level, row.component) for row in report.failures}


@pytest.mark.slow
def test_right_artifacts_pass_at_every_level_in_every_runtime(right: Report) -> None:
    assert right.passed, right.failures
    for runtime in ("onnx", "ort", "coreml_runtime"):
        levels = {row.level for row in right.rows if row.runtime == runtime}
        assert {"weights", "components", "trajectory", "image", "set", "speed"} <= levels
    assert {row.level for row in right.rows if not row.runtime} == {"manifest"}
    assert Report.parse(right.dump()) == right


@pytest.mark.slow
def test_runtimes_that_are_not_here_are_said_and_prove_nothing(right: Report) -> None:
    absent = [row for row in right.rows if row.outcome == "unavailable"]
    names = {row.runtime for row in absent}
    apple = {"apple-cpu", "apple-gpu", "apple-ne", "apple-all"}
    assert names == (set() if sys.platform == "darwin" else apple)
    assert all("macOS" in row.reason and row.verdict == "not run" for row in absent)


@pytest.mark.slow
def test_costs_and_series_are_there(right: Report) -> None:
    by_runtime = {(cost.runtime, cost.component): cost for cost in right.costs}
    for runtime in ("pytorch", "onnx", "ort", "coreml_runtime"):
        for component in ("identity_encoder", "denoiser", "decoder"):
            cost = by_runtime[runtime, component]
            assert min(cost.warm) > 0 and cost.cold > 0
            assert (cost.ratio is None) == (runtime == "pytorch")
            assert (cost.gmac or 0) > 0
    points = next(s for s in right.series if s.component == "denoiser").points
    assert [(p.steps, p.timestep) for p in points] == [(2, 1000.0), (2, 500.0)]
    drift = next(s for s in right.series if s.level == "trajectory").points
    assert [p.step for p in drift] == [0, 1]


@pytest.fixture
def copy(exports: Exports, tmp_path: Path) -> Callable[[], Path]:
    return lambda: Path(
        shutil.copytree(exports.get("avatar", "onnx", NO_ORT).folder, tmp_path / "onnx")
    )


def change(folder: Path, component: str, parameter: str, how: Callable) -> None:
    """Change one stored weight of a component."""
    path = folder / f"{component}.onnx"
    model = onnx.load(path)
    (tensor,) = (t for t in model.graph.initializer if t.name == parameter)
    values = numpy_helper.to_array(tensor).copy()
    changed = np.asarray(how(values), values.dtype)
    tensor.CopyFrom(numpy_helper.from_array(changed, parameter))
    onnx.save(model, path)


def scaled(values: np.ndarray) -> np.ndarray:
    values[1] *= 1.5
    return values


@pytest.mark.slow
@pytest.mark.parametrize(
    ("component", "layer"),
    [
        ("denoiser", "unet.mid_block.resnets.1.conv2"),
        ("identity_encoder", "blocks.1.conv1"),
    ],
)
def test_a_scaled_channel_is_found_and_its_layer_named(
    copy: Callable[[], Path], quick: Evaluate, component: str, layer: str
) -> None:
    folder = copy()
    change(folder, component, f"{layer}.weight", scaled)
    stored = quick(folder, skip=CLOSE | {"components", *RUNS})
    assert failed(stored) == {("weights", component)}
    (row,) = stored.failures
    assert row.value == 1 and f"{layer}.weight" in row.where.detail
    run = quick(folder, skip=CLOSE | {"weights", *RUNS})
    assert failed(run) == {("components", component)}
    (search,) = (s for s in run.searches if s.first)
    assert search.component == component and search.first == layer


def edit_manifest(folder: Path, edit: Callable[[dict], None]) -> None:
    values = json.loads((folder / "manifest.json").read_text())
    edit(values)
    (folder / "manifest.json").write_text(json.dumps(values))


def shuffle_styles(values: dict) -> None:
    values["styles"] = values["styles"][::-1]


def late_timestep(values: dict) -> None:
    values["sampler"]["timesteps"][1] += 1


def more_guidance(values: dict) -> None:
    values["sampler"]["guidance"] **= 2


@pytest.mark.slow
@pytest.mark.parametrize("edit", [shuffle_styles, late_timestep, more_guidance])
def test_a_manifest_that_says_something_else_fails_in_its_own_level_and_in_the_runs(
    copy: Callable[[], Path], quick: Evaluate, edit: Callable[[dict], None]
) -> None:
    folder = copy()
    edit_manifest(folder, edit)
    report = quick(folder, skip=CLOSE | {"weights", "components"})
    assert ("manifest", "whole run") in failed(report)
    assert {level for level, _ in failed(report)} & set(RUNS)


@pytest.mark.slow
def test_a_runtime_that_crashes_is_a_failed_row_and_the_rest_goes_on(
    copy: Callable[[], Path], quick: Evaluate
) -> None:
    folder = copy()
    (folder / "decoder.onnx").write_bytes(b"no model")
    report = quick(folder, skip=CLOSE)
    crashed = [row for row in report.rows if row.outcome == "crashed"]
    assert {(row.level, row.component) for row in crashed} >= {
        ("weights", "decoder"),
        ("components", "decoder"),
    }
    assert all(row.reason and row.verdict == "failed" for row in crashed)
    measured = {row.component for row in report.rows if row.metric == "psnr"}
    assert {"identity_encoder", "denoiser"} <= measured


def test_broken_input_is_refused(
    exports: Exports, quick: Evaluate, copy: Callable[[], Path], tmp_path: Path
) -> None:
    other = save_tiny_avatar(tmp_path / "other", seed=1)
    folder = copy()
    with pytest.raises(OtherCheckpointError, match="another checkpoint"):
        quick(folder, checkpoint=other)
    edit_manifest(folder, lambda values: values.update(recipe="0" * 64))
    with pytest.raises(OtherCheckpointError, match="with --recipe"):
        quick(folder)
    edit_manifest(folder, lambda values: values.update(schema_version=9))
    with pytest.raises(ManifestError, match="schema version 9"):
        quick(folder)
    with pytest.raises(ArtifactError, match="no artifact at"):
        quick(tmp_path / "nowhere")
