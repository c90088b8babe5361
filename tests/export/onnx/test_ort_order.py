from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnxruntime as ort
import pytest
import torch
from flatbuffers.table import Table
from torch import nn

from components import Component, TensorSpec
from export.onnx import ort_order, package
from export.onnx.convert import convert
from export.onnx.ort_order import IDENTIFIER, SCHEMA, Sub, in_order


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An ORT file with convolutions, norms, attributes, shapes and integer constants."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1),
        nn.GroupNorm(2, 8),
        nn.SiLU(),
        nn.Upsample(scale_factor=2),
        nn.Flatten(),
        nn.Linear(8 * 64, 16),
    )
    component = Component(
        name="net",
        module=net.eval(),
        inputs=(TensorSpec(name="x", shape=(1, 4, 4, 4)),),
        outputs=(TensorSpec(name="y", shape=(1, 16)),),
    )
    path = tmp_path_factory.mktemp("ort") / "net.ort"
    package.write_ort(convert(component), path)
    return path.read_bytes()


def shuffled(data: bytes, seed: int) -> bytes:
    """The file as ONNX Runtime might have written it with another salt."""
    generator = random.Random(seed)

    def shuffle(fields: list[Any], name: str) -> None:
        for kind, value in zip(SCHEMA[name], fields, strict=True):
            if isinstance(kind, Sub) and value is not None:
                for inner in value if kind.many else [value]:
                    shuffle(inner, kind.table)
                if kind.many and kind.key is not None:
                    generator.shuffle(value)

    session = ort_order._read(Table(data, int.from_bytes(data[:4], "little")), "InferenceSession")
    shuffle(session, "InferenceSession")
    builder = flatbuffers.Builder(1024)
    builder.Finish(ort_order._write(builder, session, "InferenceSession"), IDENTIFIER)
    return bytes(builder.Output())


def run(data: bytes, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize("seed", range(5))
def test_files_that_differ_in_order_only_become_equal(model: bytes, seed: int) -> None:
    other = shuffled(model, seed)
    assert other != model
    assert in_order(other) == model


def test_what_is_in_order_stays_as_it_is(model: bytes) -> None:
    assert in_order(model) == model


def test_the_runtime_reads_the_same_from_it(model: bytes) -> None:
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 4)).astype(np.float32)
    np.testing.assert_array_equal(run(shuffled(model, 1), x), run(model, x))


def test_two_processes_write_the_same_bytes(model: bytes, tmp_path: Path) -> None:
    """ONNX Runtime's own files differ; ours must not."""
    import subprocess
    import sys

    source = tmp_path / "net.onnx"
    torch.manual_seed(0)
    component = Component(
        name="net",
        module=nn.Conv2d(4, 8, 3).eval(),
        inputs=(TensorSpec(name="x", shape=(1, 4, 4, 4)),),
        outputs=(TensorSpec(name="y", shape=(1, 8, 2, 2)),),
    )
    package.write(convert(component), source)
    code = (
        "import sys; from pathlib import Path; import onnx_ir; from export.onnx import package\n"
        "package.write_ort(onnx_ir.load(sys.argv[1]), Path(sys.argv[2]))"
    )
    root = Path(__file__).resolve().parents[3]
    for name in ("one.ort", "two.ort"):
        command = [sys.executable, "-c", code, str(source), str(tmp_path / name)]
        subprocess.run(command, check=True, cwd=root, capture_output=True)
    assert (tmp_path / "one.ort").read_bytes() == (tmp_path / "two.ort").read_bytes()


def test_what_is_no_ort_file_or_a_newer_one_is_refused(
    model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="not a file in ORT format"):
        in_order(b"\x08\x00\x00\x00TFL3" + bytes(100))
    monkeypatch.setitem(SCHEMA, "Graph", SCHEMA["Graph"][:2])
    with pytest.raises(ValueError, match="newer ORT format"):
        in_order(model)
