from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval import gates
from eval.cases import MODES
from eval.evaluate import evaluate
from eval.pipelines.avatar.kind import AvatarKind
from eval.reference import ArrayCache
from eval.request import Request
from eval.schema import Report
from eval.workers import ThisProcess
from export import artifact
from tests.exports import Exports

GATES = """
tier = "tiny"
[manifest]
wrong = 0
[weights]
wrong = 0
missing = { onnx = 0, ort = 0, coreml_runtime = { default = 0, decoder = 3 } }
[components.psnr]
onnx = 100
ort = 100
coreml_runtime = 45
[components]
layer_snr = { onnx = 80, ort = 80, coreml_runtime = 35 }
layer_gain = { onnx = 1e-3, ort = 1e-3, coreml_runtime = 0.035 }
[trajectory.psnr]
onnx = 95
ort = 95
coreml_runtime = 40
[image.psnr]
onnx = 95
ort = 95
coreml_runtime = 40
[image]
order_psnr = 50
mask_psnr = 50
seed_effect = 0.9
"""
"""Floors for pipelines with random weights; the gates that ship are for trained ones."""

Evaluate = Callable[..., Report]


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `gates.toml`, and a cache that all tests share."""
    folder = tmp_path_factory.mktemp("eval")
    (folder / "gates.toml").write_text(GATES)
    return folder


@pytest.fixture(scope="session")
def quick(exports: Exports, work: Path) -> Evaluate:
    """A quick evaluation of artifacts of the tiny pipeline, whose hashes are computed anew."""

    def call(*folders: Path, **others: object) -> Report:
        for folder in folders:
            artifact.close(folder, artifact.open_artifact(folder).manifest)
        values = {
            "artifacts": folders,
            "checkpoint": exports.checkpoint("avatar"),
            "gates": gates.read(work / "gates.toml"),
            "mode": MODES["quick"],
            "out": work / "out",
            "cache": work / "cache",
            **others,
        }
        request = Request(**values)  # type: ignore[arg-type]
        return evaluate(request, ThisProcess(request))

    return call


@pytest.fixture(scope="session")
def avatars(exports: Exports, work: Path) -> AvatarKind:
    request = Request(
        artifacts=(),
        checkpoint=exports.checkpoint("avatar"),
        mode=MODES["quick"],
        out=work / "out",
        cache=work / "cache",
    )
    return AvatarKind(request, ArrayCache(request.cache))
