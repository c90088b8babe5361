from __future__ import annotations

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from components import Component, TensorSpec
from export.onnx.compress import store_weights_in_fp16
from export.onnx.convert import convert
from export.onnx.package import operations


class _Net(nn.Module):
    """A big weight used twice, biases, a table that fp16 cannot hold, a small weight."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.small = nn.Conv2d(8, 8, 1)
        self.register_buffer("huge", torch.full((16, 16), 1e6))

    def forward(self, x: Tensor) -> Tensor:
        return self.small(self.conv(self.conv(x))) + x / self.huge


def model_of(module: nn.Module) -> ir.Model:
    spec = TensorSpec(name="x", shape=(1, 8, 16, 16))
    output = TensorSpec(name="y", shape=(1, 8, 16, 16))
    return convert(Component(name="net", module=module, inputs=(spec,), outputs=(output,)))


def run(model: ir.Model, x: np.ndarray) -> np.ndarray:
    data = ir.to_proto(model).SerializeToString()
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.fixture(scope="module")
def module() -> nn.Module:
    torch.manual_seed(0)
    return _Net().eval()


def test_it_fires_on_weights_and_computes_in_fp32(module: nn.Module) -> None:
    model = model_of(module)
    before = operations(model)
    assert store_weights_in_fp16(model) == 1
    assert operations(model) == before, "folded casts are not operations"
    stored = model.graph.initializers["conv.weight"]
    assert stored.dtype == ir.DataType.FLOAT16
    expected = module.conv.weight.detach().numpy().astype(np.float16)
    np.testing.assert_array_equal(stored.const_value.numpy(), expected)
    convs = [node for node in model.graph if node.op_type == "Conv"]
    casts = {conv.inputs[1].producer() for conv in convs if conv.inputs[1].producer()}
    assert len(convs) == 3, "the big one twice, the small one once"
    assert [cast.op_type for cast in casts] == ["Cast"], "one cast serves both"
    x = torch.randn(1, 8, 16, 16)
    with torch.no_grad():
        rounded = _Net().eval()
        rounded.load_state_dict(module.state_dict())
        rounded.conv.weight.copy_(module.conv.weight.half().float())
        np.testing.assert_allclose(run(model, x.numpy()), rounded(x), atol=1e-5)


def test_it_leaves_the_rest_alone(module: nn.Module) -> None:
    model = model_of(module)
    before = {name: value.dtype for name, value in model.graph.initializers.items()}
    store_weights_in_fp16(model)
    after = {name: value.dtype for name, value in model.graph.initializers.items()}
    assert {name for name in before if before[name] != after[name]} == {"conv.weight"}
    assert {"conv.bias", "small.weight", "huge"} <= before.keys()


def test_a_model_without_weights_stays_as_it_is() -> None:
    model = model_of(nn.ReLU())
    before = ir.to_proto(model).SerializeToString(deterministic=True)
    assert store_weights_in_fp16(model) == 0
    assert ir.to_proto(model).SerializeToString(deterministic=True) == before
