from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from components import Component, TensorSpec
from export.errors import ConversionError
from export.onnx.activations import compute_in_int8
from export.onnx.convert import convert
from export.onnx.packed_weights import store_packed
from export.onnx.run import EXACT_INT8
from quantization import INT8, LayerScales, PackedTensor, quantize
from quantization.activations import MagnitudeHistogram


class _Net(nn.Module):
    """A convolution, a normalisation, a linear layer over tokens, another over a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 3, padding=1)
        self.norm = nn.GroupNorm(4, 16)
        self.tokens = nn.Linear(16, 24)
        self.vector = nn.Linear(24, 8)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(self.conv(x)).flatten(2).transpose(1, 2)
        return self.vector(self.tokens(hidden).relu().mean(1))


LAYERS = ("conv", "tokens", "vector")


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return _Net().eval()


def packed(net: nn.Module) -> dict[str, PackedTensor]:
    """All weights in int8; the network gets what they stand for."""
    made = {}
    for name in LAYERS:
        weight = net.get_submodule(name).weight
        made[f"{name}.weight"] = tensor = quantize(weight.detach().numpy(), INT8)
        weight.data = torch.from_numpy(tensor.dense())
    return made


def model_of(net: nn.Module) -> ir.Model:
    inputs = (TensorSpec(name="x", shape=(1, 8, 16, 16)),)
    outputs = (TensorSpec(name="y", shape=(1, 8)),)
    return convert(Component(name="net", module=net, inputs=inputs, outputs=outputs))


def scales_of(net: nn.Module, x: Tensor) -> dict[str, LayerScales]:
    found: dict[str, LayerScales] = {}

    def watch(name: str) -> None:
        def seen(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            pair = []
            for values in (inputs[0], output):
                histogram = MagnitudeHistogram()
                histogram.add(values.numpy())
                pair.append(histogram.scale())
            found[name] = LayerScales(input=pair[0], output=pair[1])

        handles.append(net.get_submodule(name).register_forward_hook(seen))

    handles: list[torch.utils.hooks.RemovableHandle] = []
    for name in LAYERS:
        watch(name)
    with torch.no_grad():
        net(x)
    for handle in handles:
        handle.remove()
    return found


def test_int8_kernels_run_and_come_close(net: nn.Module, tmp_path: object) -> None:
    tensors, x = packed(net), torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(1))
    model = model_of(net)
    assert store_packed(model, tensors) == 3
    assert compute_in_int8(model, tensors, scales_of(net, x)) == 3
    data = ir.to_proto(model).SerializeToString()
    fused = ort.SessionOptions()
    fused.optimized_model_filepath = f"{tmp_path}/optimised.onnx"
    ort.InferenceSession(data, fused, providers=["CPUExecutionProvider"])
    kinds = [n.op_type for n in onnx.load(fused.optimized_model_filepath).graph.node]
    assert "QLinearConv" in kinds and "Conv" not in kinds
    exact = ort.SessionOptions()
    exact.add_session_config_entry(*EXACT_INT8)
    session = ort.InferenceSession(data, exact, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = net(x).numpy()
    (found,) = session.run(None, {"x": x.numpy()})
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


def test_a_layer_that_is_not_there_is_named(net: nn.Module) -> None:
    with pytest.raises(ConversionError, match="stray is no convolution or product"):
        compute_in_int8(model_of(net), {}, {"stray": LayerScales(input=1.0, output=1.0)})
