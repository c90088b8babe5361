from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from components import Component, PipelineFacts, TensorSpec
from components.metrics import psnr
from export import ConversionError, gates, golden, open_artifact
from export.onnx import package
from export.onnx.convert import convert
from tests.exports import Exports

FACTS = PipelineFacts(title="T", summary="S", licence="MIT")


def component(module: nn.Module) -> Component:
    return Component(
        name="net",
        description="A net.",
        module=module.eval(),
        inputs=(TensorSpec(name="x", shape=(1, 8), description="The input."),),
        outputs=(TensorSpec(name="y", shape=(1, 8), description="The output."),),
    )


def test_metadata_is_ours_and_traceless(tmp_path: Path) -> None:
    net = component(nn.Sequential(nn.Linear(8, 8), nn.SiLU()))
    model = convert(net)
    assert any(node.metadata_props for node in model.graph), "there is something to strip"
    package.describe(model, net, FACTS, "1.2")
    package.write(model, tmp_path / "net.onnx")
    proto = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(proto, full_check=True)
    assert {p.key: p.value for p in proto.metadata_props} == {"licence": "MIT", "version": "1.2"}
    assert (proto.ir_version, proto.opset_import[0].version) == (8, 18)
    assert proto.doc_string == "A net." and proto.graph.input[0].doc_string == "The input."
    for node in proto.graph.node:
        assert not node.metadata_props and not node.doc_string
    assert not proto.graph.metadata_props
    assert b".py" not in proto.SerializeToString()


class _Svd(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.svd(x.reshape(2, 4))[1][None].repeat(1, 4)


def test_what_onnx_cannot_express_is_one_clear_line() -> None:
    with pytest.raises(ConversionError, match="ONNX cannot express net") as caught:
        convert(component(_Svd()))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_every_file_is_what_it_should_be(exports: Exports) -> None:
    folder = exports.get("avatar", "onnx").folder
    artifact = open_artifact(folder)
    for entry in artifact.manifest.components:
        proto = onnx.load(artifact.model(entry.name, "onnx"))
        assert (proto.ir_version, [i.version for i in proto.opset_import]) == (8, [18])
        small, large = (artifact.model(entry.name, kind) for kind in ("onnx", "ort"))
        session = onnxruntime.InferenceSession(str(large), providers=["CPUExecutionProvider"])
        assert [i.name for i in session.get_inputs()] == [s.name for s in entry.inputs]
        assert [tuple(i.shape) for i in session.get_inputs()] == [s.shape for s in entry.inputs]
        assert small.stat().st_size < large.stat().st_size
    config = (folder / package.OPERATORS).read_text()
    assert "ai.onnx;" in config and "Conv" in config
    assert onnxruntime.__version__ in config.splitlines()[0]
    assert str(folder.parent) not in config


@pytest.mark.slow
def test_no_tensor_has_a_rank_above_four(exports: Exports) -> None:
    for pipeline in ("avatar", "StableDiffusionPipeline"):
        for path in exports.get(pipeline, "onnx").folder.glob("*.onnx"):
            proto = onnx.shape_inference.infer_shapes(onnx.load(path), strict_mode=True)
            graph = proto.graph
            shapes = {
                value.name: len(value.type.tensor_type.shape.dim)
                for value in (*graph.value_info, *graph.input, *graph.output)
            }
            outputs = [name for node in graph.node for name in node.output if name]
            assert set(outputs) <= shapes.keys(), "every shape is known"
            assert max(shapes.values()) <= 4
            assert max(len(tensor.dims) for tensor in graph.initializer) <= 4


@pytest.mark.slow
def test_optimum_opens_and_runs_the_components(exports: Exports) -> None:
    optimum = pytest.importorskip("optimum.onnxruntime")
    for pipeline in ("avatar", "StableDiffusionPipeline"):
        folder = exports.get(pipeline, "onnx").folder
        artifact = open_artifact(folder)
        for entry in artifact.manifest.components:
            model = optimum.ORTModelForCustomTasks.from_pretrained(
                folder, file_name=f"{entry.name}.onnx"
            )
            case = golden.read(folder / artifact.manifest.golden.components[entry.name])[0]
            got = model(**{name: np.asarray(array) for name, array in case.inputs.items()})
            for spec in entry.outputs:
                expected = case.outputs[spec.name]
                peak = float(np.abs(expected).max())
                assert psnr(expected, got[spec.name], peak=peak) > gates.FP16
