"""Face networks from ONNX files: what they compute is what ONNX Runtime computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper
from PIL import Image

import components
from components.adapted.assembly import assemble
from components.adapted.onnx_network import OnnxNetwork, read_network
from components.errors import AssemblyError
from components.reference import runner
from examples.assemble.make_parts import EMBEDDING, make_parts
from export import verify
from export.exporter import Request, export
from export.formats import Options
from tests.conftest import Command
from tests.field_reports.test_anchors import anchored

SIDE = 28
PLAIN = {"mean": [0.5] * 3, "deviation": [0.5] * 3, "order": "rgb", "unit": False}


def face_network(file: Path, *last: str) -> Path:
    """A tiny face network with the operations of the large ones (IResNet, arXiv 2004.04989).

    Args:
        file: Where to.
        last: Operations without weights at its end.
    """
    rng = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def add(op: str, given: str, *arrays: np.ndarray, also: str = "", **attributes: Any) -> str:
        output = f"v{len(nodes)}"
        names = [f"{output}.{index}" for index in range(len(arrays))]
        weights.extend(map(numpy_helper.from_array, arrays, names))
        inputs = [given, *([also] if also else []), *names]
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def random(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32) * np.float32(0.3)

    def norm(given: str, channels: int) -> str:
        variance = rng.uniform(0.5, 2, channels).astype(np.float32)
        return add("BatchNormalization", given, *(random(channels) for _ in "abc"), variance)

    same, halving = {"pads": [1] * 4}, {"pads": [1] * 4, "strides": [2, 2]}
    x = add("Conv", "picture", random(8, 3, 3, 3), random(8), **same)
    x = add("PRelu", x, random(8, 1, 1))
    x = add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    y = add("Conv", norm(x, 8), random(12, 8, 3, 3), **same)
    y = add("Conv", add("PRelu", y, random(12, 1, 1)), random(12, 12, 3, 3), **halving)
    skip = add("Conv", x, random(12, 8, 1, 1), random(12), strides=[2, 2])
    x = add("Add", norm(y, 12), also=skip)
    x = add("Flatten", add("Dropout", x))
    x = add("Gemm", x, random(EMBEDDING, 12 * 7 * 7), random(EMBEDDING), transB=1)
    x = norm(x, EMBEDDING)
    for op in last:
        x = add(op, x)
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("picture", ["n", 3, SIDE, SIDE]), (x, ["n", EMBEDDING]))
    ]
    graph = helper.make_graph(nodes, "face", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, file)
    return file


def test_a_network_is_what_onnx_runtime_computes(tmp_path: Path) -> None:
    read = read_network(face_network(tmp_path / "face.onnx"))
    network = OnnxNetwork(read.graph, {**PLAIN, "order": "bgr"}).eval()
    network.load_state_dict(read.state)
    pictures = np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32)
    session = onnxruntime.InferenceSession(str(tmp_path / "face.onnx"))
    given = ((pictures - 0.5) / 0.5)[:, ::-1].copy()
    (want,) = session.run(None, {session.get_inputs()[0].name: given})
    with torch.no_grad():
        got = network(torch.from_numpy(pictures)).numpy()
    assert want.shape == (1, EMBEDDING) and np.abs(got - want).max() < 1e-5


def parts(folder: Path, adapter: str) -> Path:
    """The example's parts with a face network in the place of CLIP."""
    file = make_parts(folder, adapter=adapter)
    face_network(file.parent / "face.onnx")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('path = "clip"', 'path = "face.onnx"'), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("face")
    return assemble(parts(folder / "parts", "faceid"), folder / "model")


def test_a_face_network_is_assembled_with_a_face_adapter(model: Path) -> None:
    opened = components.load(model)
    assert opened.selfie_inputs[0].shape == (3, 3, SIDE, SIDE)
    assert anchored(opened).passed
    encoder = opened.component("identity_encoder")
    found = encoder.module.network(torch.rand(2, 3, SIDE, SIDE))
    assert torch.allclose(found.norm(dim=1), torch.ones(2), atol=1e-6), "embeddings of length 1"
    inputs = opened.example_run(0)
    given = {name: inputs[name] for name in ("selfies", "selfie_mask")}
    tokens = runner(encoder)(given)["identity_tokens"]
    assert tokens.shape == (1, 5, 32) and np.isfinite(tokens).all()


def test_the_checkpoint_and_its_artifact_say_that_faces_are_aligned(
    model: Path, tmp_path: Path
) -> None:
    assert components.load(model).facts().selfie_crop == "arcface"
    options = Options(components=("identity_encoder",), ort="none")
    export(Request(checkpoint=model, format="onnx", out=tmp_path / "out", options=options))
    assert verify(tmp_path / "out").manifest.selfie_crop == "arcface"


def test_an_avatar_of_an_aligned_face_is_drawn_with_one_notice(
    model: Path, tmp_path: Path, command: Command
) -> None:
    out, noise = tmp_path / "me.png", np.random.default_rng(0).integers(0, 256, (28, 28, 3))
    Image.fromarray(noise.astype(np.uint8)).save(tmp_path / "face.png")
    call = ("create", "--style", "clay", "--checkpoint", model, "--any-selfie", "--out", out)
    done = command("avatar", *call, tmp_path / "face.png")
    assert done.code == 0 and out.is_file(), done.err
    (notice,) = (line for line in done.err.splitlines() if "takes aligned faces" in line)
    assert "aligned to ArcFace's five landmarks already" in notice


def test_what_is_no_face_network_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(AssemblyError, match="has an operation Softmax, expected only") as caught:
        read_network(face_network(tmp_path / "face.onnx", "Softmax"))
    assert "\n" not in str(caught.value)
    (tmp_path / "broken.onnx").write_bytes(b"no protobuf")
    with pytest.raises(components.ComponentsError, match=r"broken\.onnx"):
        read_network(tmp_path / "broken.onnx")


def test_a_face_network_of_another_width_is_one_line(tmp_path: Path) -> None:
    file = parts(tmp_path / "parts", "plus")
    with pytest.raises(AssemblyError, match="reads states of CLIP, place by place"):
        assemble(file, tmp_path / "model")
