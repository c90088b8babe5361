"""Tests whole models (a UNet, a decoder, a text encoder) and the interface of a model."""

import gc
import weakref
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import coreml_runtime
from coreml_runtime.errors import ExecutionError, InputError, ProgramError


class UNet(nn.Module):
    """A small version of the conditional UNet of Stable Diffusion."""

    def __init__(self) -> None:
        super().__init__()
        from diffusers import UNet2DConditionModel

        self.net = UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(32, 64),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=8,
            norm_num_groups=8,
        )

    def forward(self, x: torch.Tensor, t: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        return self.net(x, t, context, return_dict=False)[0]


class TextEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        from transformers import CLIPTextConfig, CLIPTextModel

        config = CLIPTextConfig(
            vocab_size=99, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, max_position_embeddings=12, attn_implementation="sdpa",
        )  # fmt: skip
        self.net = CLIPTextModel(config)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.net(ids)[0]


class Decoder(nn.Module):
    """A network from latents to an image with values in [0, 255]."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(4, 32, 3, padding=1), nn.GroupNorm(8, 32), nn.SiLU(),
            nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(32, 16, 3, padding=1),
            nn.SiLU(), nn.PixelShuffle(2), nn.Conv2d(4, 3, 3, padding=1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return 255 * self.net(latents)


class Double(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(2 * x) / 3


@pytest.mark.parametrize("configuration", [("iOS16", "fp32"), ("iOS18", "fp16")])
def test_unet(check_module, configuration: tuple[str, str]) -> None:
    torch.manual_seed(0)
    args = (torch.randn(2, 4, 8, 8), torch.tensor([7.0]), torch.randn(2, 5, 32))
    check_module(UNet(), args, configuration, fp16_db=48)


@pytest.mark.parametrize("configuration", [("iOS17", "fp16")])
def test_text_encoder(check_module, configuration: tuple[str, str]) -> None:
    torch.manual_seed(0)
    ids = torch.randint(0, 99, (1, 12), dtype=torch.int32)
    check_module(TextEncoder(), (ids,), configuration)


@pytest.mark.parametrize("layout", ["RGB", "BGR"])
def test_decoder_gives_an_image(convert, snr, layout: str) -> None:
    torch.manual_seed(0)
    decoder, latents = Decoder(), torch.randn(1, 4, 8, 8)
    output = ct.ImageType(name="avatar", color_layout=getattr(ct.colorlayout, layout))
    model = coreml_runtime.load(convert(decoder, (latents,), "iOS16", "fp16", outputs=[output]))
    with torch.no_grad():
        want = decoder(latents)
    picture = model.predict({"latents": latents.numpy()})["avatar"]
    assert isinstance(picture, Image.Image) and picture.mode == "RGB"
    pixels = np.asarray(picture).astype(int)
    # The program says which channel is first; the picture is RGB either way.
    planes = want if layout == "RGB" else want.flip(1)
    expected = torch.floor(planes + 0.5).clamp(0, 255)[0].permute(1, 2, 0).int().numpy()
    assert np.abs(pixels - expected).max() <= 1 and pixels.std() > 1
    tensor = model(latents=latents)["avatar"]
    assert tensor.shape == (1, 3, 32, 32) and snr(want, tensor) > 50
    assert not torch.equal(tensor, tensor.round()), "tensors come before the 8-bit rounding"


def test_rounding_to_bytes_is_half_up_and_clamped() -> None:
    from coreml_runtime import Feature
    from coreml_runtime.models.feature_values import from_tensor

    feature = Feature(name="x", kind="image", color="grayscale")
    values = torch.tensor([-3.0, 0.49, 0.5, 1.5, 2.5, 254.5, 255.4, 300.0, float("inf")])
    picture = from_tensor(feature, values.reshape(1, 1, 3, 3))
    assert np.asarray(picture).reshape(-1).tolist() == [0, 0, 1, 2, 3, 255, 255, 255, 255]


@pytest.mark.parametrize(("layout", "mode"), [("RGB", "RGB"), ("BGR", "RGB"), ("GRAYSCALE", "L")])
def test_image_inputs(convert, layout: str, mode: str) -> None:
    channels = len(mode) if mode == "RGB" else 1
    kind = ct.ImageType(
        name="picture", shape=(1, channels, 4, 6), color_layout=getattr(ct.colorlayout, layout),
        scale=0.5, bias=[1.0] * channels if channels > 1 else 1.0,
    )  # fmt: skip
    x = torch.rand(1, channels, 4, 6)
    model = coreml_runtime.load(convert(Double(), (x,), inputs=[kind]))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, channels), dtype=np.uint8)
    picture = Image.fromarray(pixels if channels == 3 else pixels[..., 0], mode)
    (value,) = model.predict({"picture": picture}).values()
    planes = pixels[..., ::-1] if layout == "BGR" else pixels
    want = np.sin(2 * (0.5 * planes.transpose(2, 0, 1)[None] + 1)) / 3
    assert np.allclose(value, want, atol=1e-5)
    with pytest.raises(InputError, match=f"mode {mode}"):
        model.predict({"picture": picture.convert("CMYK")})
    with pytest.raises(InputError, match="shape"):
        model.predict({"picture": picture.resize((3, 3))})
    with pytest.raises(InputError, match="PIL image"):
        model.predict({"picture": pixels})


@pytest.fixture(scope="module")
def double(convert) -> Path:
    return convert(Double(), (torch.randn(2, 3),), "iOS16", "fp16")


def test_storage_rounds_every_result_and_float32_none(double: Path) -> None:
    x = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    model = coreml_runtime.load(double)
    trace = dict(model.trace({"x": x.numpy()}))
    floats = [value for value in trace.values() if value.is_floating_point()]
    assert len(floats) >= 3
    assert all(torch.equal(value, value.half().float()) for value in floats[:-1])
    # The reference, rounded by hand after every op of the program.
    third = torch.tensor(1 / 3).half().float()
    want = ((2 * x.half().float()).half().float().sin().half().float() * third).half().float()
    (value,) = model(x=x).values()
    assert torch.equal(value, want)
    (exact,) = coreml_runtime.load(double, precision="float32")(x=x).values()
    assert torch.allclose(exact, torch.sin(2 * x) * third, rtol=1e-6)
    assert not torch.equal(exact, want)


def test_caller_tensors_and_weights_are_left_alone(double: Path) -> None:
    x = torch.randn(2, 3)
    kept = x.clone()
    model = coreml_runtime.load(double)
    first = model(x=x)
    assert torch.equal(x, kept)
    assert all(torch.equal(first[key], value) for key, value in model(x=x).items())


def test_gradients_flow(double: Path) -> None:
    x = torch.randn(2, 3, requires_grad=True)
    (value,) = coreml_runtime.load(double)(x=x).values()
    value.sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, (2 * torch.cos(2 * x.detach())) / 3, atol=2e-3)


def test_values_are_freed_after_their_last_use(double: Path) -> None:
    """While a call runs, only values that are still needed are in memory."""
    model = coreml_runtime.load(double)
    seen: list[Any] = []
    for _, value in model.trace({"x": np.zeros((2, 3), np.float32)}):
        seen.append(weakref.ref(value))
        del value
        gc.collect()
        assert sum(reference() is not None for reference in seen) <= 2
    assert len(seen) >= 3


def test_names_and_specs(double: Path) -> None:
    model = coreml_runtime.load(double)
    (feature,) = model.inputs
    assert (feature.name, feature.kind, feature.dtype) == ("x", "tensor", "float32")
    assert feature.shape == (2, 3) and feature.shapes == ((2, 3),)
    assert len(model.outputs) == 1 and model.functions == ("main",)
    assert not model.training and isinstance(model, nn.Module)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"missing: x.*float32 of shape \(2, 3\)"),
        ({"y": np.zeros((2, 3))}, "unknown: y"),
        ({"x": np.zeros((3, 2))}, r"expects float32 of shape \(2, 3\), got float64.*\(3, 2\)"),
        ({"x": "text"}, "expects float32"),
        ({"x": np.zeros((2, 3), complex)}, "got complex128"),
        ({"x": Image.new("RGB", (3, 2))}, "got an image"),
    ],
)
def test_wrong_inputs_say_what_was_expected(double: Path, inputs: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        coreml_runtime.load(double).predict(inputs)


def test_integers_are_not_made_of_floats(convert) -> None:
    class Pick(nn.Module):
        def forward(self, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
            return torch.index_select(x, 0, index)

    args = (torch.randn(4, 2), torch.tensor([1, 3], dtype=torch.int32))
    model = coreml_runtime.load(convert(Pick(), args))
    x = args[0].numpy()
    (value,) = model.predict({"x": x, "index": np.array([1, 3])}).values()
    assert np.array_equal(value, x[[1, 3]])
    with pytest.raises(InputError, match="expects int32"):
        model.predict({"x": x, "index": np.array([1.0, 3.0])})
    with pytest.raises(ExecutionError, match="gather"):
        model.predict({"x": x, "index": np.array([1, 40])})


def test_wrong_choices_at_load(double: Path) -> None:
    with pytest.raises(InputError, match="storage or float32"):
        coreml_runtime.load(double, precision="fp16")
    with pytest.raises(ProgramError, match="no function 'other'; it has: main"):
        coreml_runtime.load(double, function="other")


def test_functions_of_a_model(convert, double: Path, tmp_path: Path) -> None:
    other = convert(nn.Tanh(), (torch.randn(2, 3),), "iOS18", "fp32")
    first = convert(Double(), (torch.randn(2, 3),), "iOS18", "fp32")
    description = ct.utils.MultiFunctionDescriptor()
    description.add_function(str(first), "main", "double")
    description.add_function(str(other), "main", "tanh")
    description.default_function_name = "tanh"
    path = tmp_path / "both.mlpackage"
    ct.utils.save_multifunction(description, str(path))
    x = torch.randn(2, 3)
    model = coreml_runtime.load(path)
    assert model.functions == ("double", "tanh")
    (value,) = model.predict({model.inputs[0].name: x}).values()
    assert np.allclose(value, torch.tanh(x), atol=1e-6)
    model = coreml_runtime.load(path, function="double")
    (value,) = model.predict({model.inputs[0].name: x}).values()
    assert np.allclose(value, torch.sin(2 * x) / 3, atol=1e-6)


@pytest.mark.parametrize("kind", ["range", "enumerated"])
def test_flexible_shapes(convert, kind: str) -> None:
    size = torch.export.Dim("size", min=2, max=9)
    program = torch.export.export(
        Double().eval(), (torch.randn(4, 3),), dynamic_shapes={"x": {0: size}}
    ).run_decompositions({})
    shape = (
        ct.Shape((ct.RangeDim(2, 9, 4), 3))
        if kind == "range"
        else ct.EnumeratedShapes([(4, 3), (7, 3)], default=(4, 3))
    )
    model = coreml_runtime.load(convert(program, inputs=[ct.TensorType("x", shape=shape)]))
    assert model.inputs[0].shape == (4, 3)
    x = torch.randn(7, 3)
    (value,) = model.predict({"x": x}).values()
    assert np.allclose(value, torch.sin(2 * x) / 3, atol=1e-6)
    with pytest.raises(InputError, match=r"\(10, 3\)"):
        model.predict({"x": torch.randn(10, 3)})


def test_a_program_is_planned_once(double: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After loading, a call reads neither the package nor its messages."""
    model = coreml_runtime.load(double)

    def refuse(*_: object) -> None:
        raise AssertionError("decoded during a call")

    for name in (
        "coreml_runtime.planning.name_scope.constant_value",
        "coreml_runtime.package.weight_file.WeightFile.tensor",
    ):
        monkeypatch.setattr(name, refuse)
    assert len(model.predict({"x": np.zeros((2, 3), np.float32)})) == 1


def test_importing_the_room_does_not_import_coremltools() -> None:
    import subprocess
    import sys

    code = "import coreml_runtime, sys; sys.exit('coremltools' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
