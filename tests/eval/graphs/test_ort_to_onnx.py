from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from eval.graphs import ort_to_onnx
from eval.graphs.onnx import values_of_model
from tests.eval.conftest import Evaluate
from tests.eval.planting import ort_file
from tests.exports import Exports

COMPONENTS = ("identity_encoder", "denoiser", "decoder")


def some(session: ort.InferenceSession) -> dict[str, np.ndarray]:
    """Inputs of the right shapes."""
    rng = np.random.default_rng(0)
    return {
        held.name: np.ones(held.shape, np.int32)
        if "int32" in held.type
        else rng.random(held.shape).astype(np.float32)
        for held in session.get_inputs()
    }


@pytest.mark.slow
@pytest.mark.parametrize("component", COMPONENTS)
def test_the_same_operations_give_the_same_bits(exports: Exports, component: str) -> None:
    path = exports.get("avatar", "onnx").folder / f"{component}.ort"
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs, names = some(session), [output.name for output in session.get_outputs()]
    model = ort_to_onnx.read(path)
    values = dict(values_of_model(model, inputs))
    assert set(values) == {name for node in model.graph.node for name in node.output if name}
    for name, expected in zip(names, session.run(names, inputs), strict=True):
        np.testing.assert_array_equal(values[name], expected)


@pytest.mark.slow
def test_a_layer_that_is_wrong_in_the_ort_file_only_is_named(
    exports: Exports, quick: Evaluate, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(exports.get("avatar", "onnx").folder, tmp_path / "onnx"))
    layer = "unet.mid_block.resnets.1.conv2"

    def scaled(values: np.ndarray) -> np.ndarray:
        values[1] *= 1.5
        return values

    ort_file.weight("denoiser", f"{layer}.weight", scaled)(folder)
    skip = frozenset({"speed", "set", "weights", "trajectory", "image"})
    report = quick(folder, skip=skip)
    assert {(row.runtime, row.component) for row in report.failures} == {("ort", "denoiser")}
    (search,) = (search for search in report.searches if search.first)
    assert (search.runtime, search.first) == ("ort", layer)
