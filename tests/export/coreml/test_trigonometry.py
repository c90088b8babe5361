from __future__ import annotations

from pathlib import Path

import torch
from coremltools.converters.mil import Builder as mb  # noqa: N813
from torch import Tensor, nn

import coreml_runtime
from components import Component, TensorSpec
from components.metrics import psnr
from export.coreml.convert import convert
from export.coreml.trigonometry import feeding_phases


class _Embedding(nn.Module):
    """A sinusoidal timestep embedding and a layer on top of it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.exp(-torch.arange(16) * 0.57))
        self.linear = nn.Linear(32, 8)

    def forward(self, timestep: Tensor) -> Tensor:
        phase = timestep[:, None] * self.frequencies[None]
        return self.linear(torch.cat([phase.sin(), phase.cos()], 1))


def test_a_timestep_of_nearly_a_thousand_keeps_its_phase(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = _Embedding()
    component = Component(
        name="net",
        module=module.eval(),
        inputs=(TensorSpec(name="timestep", shape=(1,)),),
        outputs=(TensorSpec(name="embedding", shape=(1, 8)),),
    )
    package = tmp_path / "net.mlpackage"
    spec = convert(component, package, target="ios16", precision="fp16")
    model = coreml_runtime.load(package)
    timestep = torch.tensor([916.6667])
    expected = module(timestep).detach().numpy()
    got = model(timestep=timestep)["embedding"].numpy()
    assert psnr(expected, got, peak=abs(expected).max()) > 55
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    types = {op.type: op.outputs[0].type.tensorType.dataType for op in block.operations}
    fp16, fp32 = 10, 11
    assert (types["sin"], types["cos"], types["mul"]) == (fp32, fp32, fp32)
    assert types["linear"] == fp16, "what does not reach a sine is fp16"


def test_it_fires_on_what_feeds_a_sine_and_on_nothing_else() -> None:
    @mb.program(input_specs=[mb.TensorSpec(shape=(2,)), mb.TensorSpec(shape=(2,))])
    def program(t, x):  # type: ignore[no-untyped-def]
        scaled = mb.mul(x=t, y=3.0, name="scaled")
        shifted = mb.add(x=scaled, y=1.0, name="shifted")
        wave = mb.cos(x=shifted, name="wave")
        other = mb.square(x=x, name="other")
        return mb.add(x=wave, y=other, name="sum")

    found = {op.name for op in feeding_phases(program) if op.op_type != "const"}
    assert found == {"scaled", "shifted", "wave"}, "neither other nor sum"
