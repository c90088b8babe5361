from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from diffusers.models.attention_processor import Attention, AttnProcessor
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import coreml_runtime
from components import Component, TensorSpec
from export.coreml.convert import convert
from export.forms import attention
from export.forms.attention import SplitEinsum, split_attention
from export.forms.express import with_attention

CLOSE = {"atol": 2e-5, "rtol": 1e-4}
SMALL: dict[str, Any] = {
    "sample_size": 8,
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 24,
    "attention_head_dim": 8,
    "norm_num_groups": 8,
}
UNETS: dict[str, dict[str, Any]] = {
    "1.x": {},
    "2.x": {"use_linear_projection": True, "attention_head_dim": (2, 4)},
    "xl": {
        "use_linear_projection": True,
        "transformer_layers_per_block": (1, 2),
        "attention_head_dim": (2, 4),
    },
    "no middle": {"mid_block_type": None},
    "only cross": {"only_cross_attention": True},
    "two heads": {"attention_head_dim": 2, "upcast_attention": True},
}


def unet(name: str) -> nn.Module:
    torch.manual_seed(0)
    return UNet2DConditionModel(**{**SMALL, **UNETS[name]}).eval()


class _UNet(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, t: Tensor, text: Tensor) -> Tensor:
        return self.model(x, t, text, return_dict=False)[0]


def component(model: nn.Module) -> Component:
    shapes = {"x": (2, 4, 8, 8), "t": (1,), "text": (2, 5, 24)}
    return Component(
        name="unet",
        module=_UNet(model).eval(),
        inputs=tuple(TensorSpec(name=name, shape=shape) for name, shape in shapes.items()),
        outputs=(TensorSpec(name="y", shape=(2, 4, 8, 8)),),
    )


def inputs() -> tuple[Tensor, ...]:
    torch.manual_seed(1)
    return torch.randn(2, 4, 8, 8), torch.tensor([37.0]), torch.randn(2, 5, 24)


@pytest.mark.parametrize(
    ("name", "form"),
    [("1.x", "split_einsum"), *((name, "split_einsum_v2") for name in UNETS if name != "1.x")],
)
def test_a_unet_computes_what_it_did(name: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "QUERIES", 6)  # 16 queries: two whole pieces and a rest
    plain = component(unet(name))
    split = with_attention(component(unet(name)), form)
    assert any(isinstance(m, nn.Linear) for m in plain.module.modules())
    with torch.no_grad():
        torch.testing.assert_close(split.module(*inputs()), plain.module(*inputs()), **CLOSE)
    before, after = plain.module.state_dict(), split.module.state_dict()
    assert before.keys() == after.keys()
    for key, value in after.items():
        assert torch.equal(value.reshape(before[key].shape), before[key])
        assert tuple(value.shape) in (tuple(before[key].shape), (*before[key].shape, 1, 1))
    left = [m for m in split.module.modules() if isinstance(m, nn.Linear)]
    assert {tuple(m.weight.shape) for m in left} == {(128, 32), (128, 128), (32, 128), (64, 128)}, (
        "linear layers remain in the embedding of the timestep only"
    )


@settings(max_examples=50)
@given(
    heads=st.integers(1, 4),
    size=st.integers(1, 6),
    queries=st.integers(1, 20),
    keys=st.integers(1, 9),
    cross=st.booleans(),
    spatial=st.booleans(),
    masked=st.sampled_from(["", "keys", "all"]),
    at_once=st.sampled_from([None, 1, 7, 20]),
    biased=st.booleans(),
    residual=st.booleans(),
)
def test_attention_of_any_shape_equals_diffusers(
    heads: int,
    size: int,
    queries: int,
    keys: int,
    cross: bool,
    spatial: bool,
    masked: str,
    at_once: int | None,
    biased: bool,
    residual: bool,
) -> None:
    torch.manual_seed(0)
    spatial = spatial and not cross
    plain = Attention(
        query_dim=12,
        cross_attention_dim=10 if cross else None,
        heads=heads,
        dim_head=size,
        bias=biased,
        norm_num_groups=3 if spatial else None,
        residual_connection=residual,
        rescale_output_factor=1.5,
        processor=AttnProcessor(),
    ).eval()
    split = copy.deepcopy(plain)
    assert split_attention(split, "split_einsum") == 1
    split.set_processor(SplitEinsum(at_once))
    x = torch.randn(2, 12, 1, queries) if spatial else torch.randn(2, queries, 12)
    context = torch.randn(2, keys, 10) if cross else None
    mask = None
    if masked:
        count = queries if masked == "all" else 1
        mask = torch.randn(2, count, keys if cross else queries)
    with torch.no_grad():
        expected = plain(x, context, attention_mask=mask)
        torch.testing.assert_close(split(x, context, attention_mask=mask), expected, **CLOSE)


def test_the_middle_of_a_vae_and_a_controlnet() -> None:
    torch.manual_seed(0)
    vae = AutoencoderKL(block_out_channels=(32,), latent_channels=4, norm_num_groups=8).eval()
    x = torch.randn(1, 4, 6, 5)
    with torch.no_grad():
        expected = vae.decoder(x)
        assert split_attention(vae, "split_einsum") == 2
        torch.testing.assert_close(vae.decoder(x), expected, **CLOSE)
    names = ("sample_size", "up_block_types")
    settings = {key: value for key, value in SMALL.items() if key not in names}
    net = ControlNetModel(**settings, conditioning_embedding_out_channels=(8, 8)).eval()
    for parameter in net.parameters():  # ControlNet's last layers are zero at first
        nn.init.normal_(parameter, std=0.05)
    sample, timestep, text = inputs()
    call = (sample, timestep, text, torch.randn(2, 3, 16, 16))
    with torch.no_grad():
        plain = net(*call, return_dict=False)
        as_component = Component(name="controlnet", module=net, inputs=(), outputs=())
        with_attention(as_component, "split_einsum_v2")
        split = net(*call, return_dict=False)
    torch.testing.assert_close(split, plain, **CLOSE)


def test_original_and_what_is_not_plain_are_left_alone() -> None:
    model = unet("1.x")
    assert split_attention(model, "original") == 0
    normalised = Attention(query_dim=8, heads=2, dim_head=4, qk_norm="layer_norm")
    added = Attention(query_dim=8, heads=2, dim_head=4, added_kv_proj_dim=6)
    own = Attention(query_dim=8, heads=2, dim_head=4, processor=SplitEinsum())
    for left_alone in (normalised, added, own):
        assert split_attention(left_alone, "split_einsum") == 0
        assert type(left_alone.to_q) is nn.Linear


@pytest.mark.parametrize("form", ["split_einsum", "split_einsum_v2"])
def test_the_converted_program_has_no_batched_products_of_heads(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "QUERIES", 6)
    expected = component(unet("two heads"))
    split = with_attention(component(unet("two heads")), form)
    package = tmp_path / "unet.mlpackage"
    spec = convert(split, package, target="ios16", precision="fp32")
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    ops = Counter(op.type for op in block.operations)
    ranks = {output.type.tensorType.rank for op in block.operations for output in op.outputs}
    assert max(ranks) <= 4
    products = ops["matmul"] + ops["scaled_dot_product_attention"]
    # 4 transformers of two attentions, two heads each, two products a head, 16 queries.
    pieces = {"split_einsum": 1, "split_einsum_v2": 3}[form]
    assert products == 0 and ops["einsum"] == 4 * 2 * 2 * 2 * pieces
    assert ops["layer_norm"] == 4 * 3, "norms over channels are one operation each"
    on_pictures = [op for op in block.operations if op.type == "linear"]
    assert {op.outputs[0].type.tensorType.rank for op in on_pictures} == {2}, (
        "only the embedding of the timestep is linear"
    )
    result = coreml_runtime.load(package, precision="float32")(
        **dict(zip(("x", "t", "text"), inputs(), strict=True))
    )
    with torch.no_grad():
        torch.testing.assert_close(result["y"], expected.module(*inputs()), **CLOSE)
