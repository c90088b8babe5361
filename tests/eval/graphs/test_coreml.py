from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import coremltools as ct  # isort: skip
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813

from eval.graphs import coreml as reader

WEIGHT = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
BIAS = np.arange(4, dtype=np.float32)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """relu(x · weight + bias) in fp32."""

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 3))], opset_version=ct.target.iOS16)
    def graph(x):  # type: ignore[no-untyped-def]
        weight = mb.const(val=WEIGHT, name="p_module_mix_0_weight")
        bias = mb.const(val=BIAS, name="p_module_mix_0_bias")
        return mb.relu(x=mb.linear(x=x, weight=weight, bias=bias, name="mixed"), name="y")

    made = ct.convert(
        graph,
        convert_to="mlprogram",
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    )
    path = tmp_path_factory.mktemp("coreml") / "small.mlpackage"
    made.save(str(path))
    return path


def test_operations_are_there_in_order_without_constants(package: Path) -> None:
    graph = reader.read(package)
    assert [operation.kind for operation in graph.operations] == ["linear", "relu"]
    linear, _ = graph.operations
    assert linear.inputs == ("x",) and linear.outputs == ("mixed",)


def test_numbers_are_read_and_names_given_back(package: Path) -> None:
    graph = reader.read(package)
    by_parameter = {parameter: name for name, parameter in graph.stored_as.items()}
    assert np.array_equal(graph.constants[by_parameter["mix_0_weight"]], WEIGHT)
    assert np.array_equal(graph.constants[by_parameter["mix_0_bias"]], BIAS)


def test_reading_changes_no_byte(package: Path, tmp_path: Path) -> None:
    """coremltools' reader writes a package's manifest anew, in an order of its own."""
    copy = Path(shutil.copytree(package, tmp_path / package.name))
    manifest = copy / "Manifest.json"
    manifest.write_text(json.dumps(dict(reversed(json.loads(manifest.read_text()).items()))))
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    reader.read(copy)
    assert before == {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
