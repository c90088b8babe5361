"""Tests that malformed and malicious packages raise errors of this room that name the fault."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import coreml_runtime
from coreml_runtime.errors import (
    CoreMLRuntimeError,
    PackageError,
    PackagePathError,
    ProgramError,
    UnsupportedModelError,
    UnsupportedOpError,
    WeightsError,
)
from coreml_runtime.package.protobuf_messages import Model_pb2

Spec = Any


@pytest.fixture(scope="module")
def valid(convert) -> Path:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 8))
    return convert(layers, (torch.randn(1, 2, 6, 6),), "iOS16", "fp16")


@pytest.fixture
def package(valid: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may change."""
    return Path(shutil.copytree(valid, tmp_path / "changed.mlpackage"))


def _manifest(package: Path, change: Callable[[dict], None]) -> None:
    path = package / "Manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def _spec(package: Path, change: Callable[[Spec], None]) -> None:
    (path,) = package.rglob("*.mlmodel")
    spec = Model_pb2.Model()
    spec.ParseFromString(path.read_bytes())
    change(spec)
    path.write_bytes(spec.SerializeToString())


def _weights(package: Path) -> Path:
    (path,) = package.rglob("weight.bin")
    return path


def _operations(spec: Spec) -> Any:
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    return block.operations


def _first(spec: Spec, kind: str) -> Any:
    return next(op for op in _operations(spec) if op.type == kind)


def _blobs(spec: Spec) -> list[Any]:
    constants = (op.attributes["val"] for op in _operations(spec) if op.type == "const")
    return [v.blobFileValue for v in constants if v.WhichOneof("value") == "blobFileValue"]


def test_the_valid_package_loads(valid: Path) -> None:
    model = coreml_runtime.load(valid)
    assert [feature.shape for feature in model.inputs] == [(1, 2, 6, 6)]


@pytest.mark.parametrize("path", ["../../outside.txt", "/etc/hostname", "a/../../x", "..\\..\\x"])
def test_paths_out_of_the_manifest(package: Path, path: str) -> None:
    (package.parent / "outside.txt").write_text("x")

    def escape(manifest: dict) -> None:
        for item in manifest["itemInfoEntries"].values():
            item["path"] = path

    _manifest(package, escape)
    with pytest.raises(PackagePathError, match="leaves the package"):
        coreml_runtime.load(package)


def test_a_path_out_of_the_package_is_refused_in_any_entry(package: Path) -> None:
    _manifest(package, lambda m: m["itemInfoEntries"].update(evil={"path": "../../../x"}))
    with pytest.raises(PackagePathError):
        coreml_runtime.load(package)


@pytest.mark.parametrize(
    "name", ["@model_path/../../../x", "/etc/hostname", "weights/weight.bin", "@model_path/"]
)
def test_weight_names_out_of_the_package(package: Path, name: str) -> None:
    _spec(package, lambda spec: [setattr(blob, "fileName", name) for blob in _blobs(spec)])
    with pytest.raises(PackageError):
        coreml_runtime.load(package)


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symlink", "hard link"])
def test_links_out_of_the_package(package: Path, link: Callable[[Path, Path], None]) -> None:
    weights = _weights(package)
    outside = package.parent / "outside.bin"
    shutil.move(weights, outside)
    link(outside, weights)
    with pytest.raises(PackagePathError, match="link"):
        coreml_runtime.load(package)


MANIFESTS = {
    "empty": "", "not json": "{", "a list": "[]", "no entries": "{}", "deep": "[" * 100_000,
    "entries of another kind": '{"rootModelIdentifier": "a", "itemInfoEntries": []}',
    "no root": '{"rootModelIdentifier": "a", "itemInfoEntries": {}}',
    "entry without path": '{"rootModelIdentifier": "a", "itemInfoEntries": {"a": {}}}',
    "path to nothing": '{"rootModelIdentifier": "a", "itemInfoEntries": {"a": {"path": "x"}}}',
    "path to a folder": '{"rootModelIdentifier": "a", "itemInfoEntries": {"a": {"path": "."}}}',
    "zero byte": '{"rootModelIdentifier": "a", "itemInfoEntries": {"a": {"path": "a\\u0000"}}}',
    "not utf-8": "\udcff",
}  # fmt: skip


@pytest.mark.parametrize("name", MANIFESTS)
def test_malformed_manifests(package: Path, name: str) -> None:
    content = MANIFESTS[name].encode("utf-8", "surrogateescape")
    (package / "Manifest.json").write_bytes(content)
    with pytest.raises(PackageError):
        coreml_runtime.load(package)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\3\4 and so on", "unpack it"),
        (b"no model", "cannot be parsed"),
        (b"", "holds no model"),
    ],
)
def test_a_single_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.mlmodel"
    path.write_bytes(content)
    with pytest.raises(PackageError, match=message):
        coreml_runtime.load(path)


def test_a_neural_network_file_is_named_as_one(tmp_path: Path) -> None:
    spec = Model_pb2.Model()
    spec.neuralNetwork.SetInParent()
    path = tmp_path / "old.mlmodel"
    path.write_bytes(spec.SerializeToString())
    with pytest.raises(UnsupportedModelError, match="kind neuralNetwork: an ML Program is"):
        coreml_runtime.load(path)


def test_the_name_of_an_unknown_op_is_escaped(package: Path) -> None:
    def rename(spec: Spec) -> None:
        _operations(spec)[-1].type = "two\nlines\x1b[2J"

    _spec(package, rename)
    with pytest.raises(UnsupportedOpError) as caught:
        coreml_runtime.load(package)
    assert str(caught.value).endswith(r"not supported here: two\nlines\x1b[2J")


def test_missing_parts(package: Path) -> None:
    with pytest.raises(PackageError, match="no package folder"):
        coreml_runtime.load(package / "nowhere")
    _weights(package).unlink()
    with pytest.raises(PackageError, match="no file"):
        coreml_runtime.load(package)
    (package / "Manifest.json").unlink()
    with pytest.raises(PackageError, match="Manifest"):
        coreml_runtime.load(package)


@pytest.mark.parametrize("keep", [0, 10, 64, 100, 200, 1000])
def test_truncated_weights(package: Path, keep: int) -> None:
    path = _weights(package)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError):
        coreml_runtime.load(package)


@pytest.mark.parametrize("offset", [0, 1, 63, 65, 1 << 20, (1 << 64) - 1])
def test_offsets_that_point_elsewhere(package: Path, offset: int) -> None:
    _spec(package, lambda spec: setattr(_blobs(spec)[0], "offset", offset))
    with pytest.raises(WeightsError, match="blob at"):
        coreml_runtime.load(package)


def test_a_truncated_model_file(package: Path) -> None:
    (path,) = package.rglob("*.mlmodel")
    content = path.read_bytes()
    for keep in (0, 1, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:keep])
        with pytest.raises(CoreMLRuntimeError):
            coreml_runtime.load(package)


def _unknown_op(spec: Spec) -> None:
    _first(spec, "relu").type = "frobnicate"


def _undefined(spec: Spec) -> None:
    _first(spec, "relu").inputs["x"].arguments[0].name = "nothing"


def _cycle(spec: Spec) -> None:
    relu = _first(spec, "relu")
    relu.inputs["x"].arguments[0].name = relu.outputs[0].name


def _twice(spec: Spec) -> None:
    _first(spec, "relu").outputs[0].name = _first(spec, "conv").outputs[0].name


def _unbound(spec: Spec) -> None:
    _first(spec, "relu").inputs["x"].arguments[0].ClearField("binding")


def _missing(spec: Spec) -> None:
    del _first(spec, "conv").inputs["weight"]


def _unknown_parameter(spec: Spec) -> None:
    relu = _first(spec, "relu")
    relu.inputs["zeal"].CopyFrom(relu.inputs["x"])


def _impossible_shape(spec: Spec) -> None:
    dimensions = _first(spec, "relu").outputs[0].type.tensorType.dimensions
    for dimension in dimensions:
        dimension.constant.size = 1 << 40


def _no_output(spec: Spec) -> None:
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    block.outputs[0] = "nothing"


def _opset(spec: Spec) -> None:
    spec.mlProgram.functions["main"].opset = "CoreML99x"


def _not_a_program(spec: Spec) -> None:
    spec.neuralNetwork.SetInParent()


def _pad_type(spec: Spec) -> None:
    _first(spec, "conv").inputs["groups"].arguments[0].name = "nothing"


CHANGES = {
    _unknown_op: (UnsupportedOpError, "frobnicate"),
    _undefined: (ProgramError, "'nothing' is used before"),
    _cycle: (ProgramError, "used before it is defined"),
    _twice: (ProgramError, "defined twice"),
    _unbound: (ProgramError, "bound to nothing"),
    _missing: (ProgramError, "missing: weight"),
    _unknown_parameter: (UnsupportedModelError, "'zeal' is not known"),
    _impossible_shape: (ProgramError, "larger than any device"),
    _no_output: (ProgramError, "'nothing' is used before"),
    _opset: (ProgramError, "no block for its opset"),
    _not_a_program: (UnsupportedModelError, "neuralNetwork, not an ML Program"),
    _pad_type: (ProgramError, "'nothing' is used before"),
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_malformed_programs(package: Path, change: Callable[[Spec], None]) -> None:
    kind, message = CHANGES[change]
    _spec(package, change)
    with pytest.raises(kind, match=message):
        coreml_runtime.load(package)


@pytest.mark.parametrize("part", ["*.mlmodel", "weight.bin", "Manifest.json"])
def test_random_damage_gives_errors_of_this_room(package: Path, part: str) -> None:
    """A package with random bytes runs, or raises an error of this room."""
    path = next(package.rglob(part))
    content = path.read_bytes()
    generator = np.random.default_rng(0)
    x = {"input": np.zeros((1, 2, 6, 6), np.float32)}
    for _ in range(25):
        damaged = bytearray(content)
        for index in generator.integers(0, len(content), generator.integers(1, 6)):
            damaged[index] = generator.integers(0, 256)
        path.write_bytes(damaged)
        try:
            model = coreml_runtime.load(package)
            model.predict({model.inputs[0].name: x["input"]})
        except CoreMLRuntimeError:
            continue
