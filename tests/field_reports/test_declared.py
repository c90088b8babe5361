"""Kind 1: what a checkpoint declares is checked before anything is computed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import components
from components import CheckpointError, ComponentsError
from components.diffusion.latent_diffusion import RECORDED as STEPS
from export.exporter import Request, export
from quantization.planning import Planner, PlanSettings
from quantization.targets import Target

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3438167536\n"


def edit(path: Path, **fields: Any) -> None:
    """Change fields of a JSON file; an ellipsis removes one."""
    values = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({k: v for k, v in values.items() if v is not ...}))


def change(path: Path, how: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change the tensors of a safetensors file."""
    state = load_file(path)
    how(state)
    save_file(state, path, metadata={"format": "pt"})


def refused(checkpoint: Path, *words: str) -> str:
    """The line with which an export refuses a checkpoint; it must hold all the words."""
    out = checkpoint.parent / "out"
    with pytest.raises(ComponentsError) as caught:
        export(Request(checkpoint=checkpoint, format="onnx", out=out))
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    assert not out.exists()
    return message


UNET, TEXT = "unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("unet", ["diffusers", "UNet3DConditionModel"], ("UNet3DConditionModel", "UNet2DCond")),
        ("unet", ["my_unet", "UNet2DConditionModel"], ("my_unet", "diffusers")),
        ("unet", [None, None], ("names no unet",)),
        ("unet", ["diffusers"], ("expected [library, class]",)),
        ("vae", ["diffusers", "AutoencoderTiny"], ("AutoencoderTiny", "AutoencoderKL")),
        ("scheduler", ["diffusers", "LCMScheduler"], ("LCMScheduler", "DDIMScheduler")),
        ("text_encoder", ["transformers", "CLIPTextModelWithProjection"], ("Projection",)),
        ("controlnet", ["diffusers", "ControlNetModel"], ("controlnet", "ControlNetModel")),
    ],
)
@pytest.mark.usefixtures("no_module_is_run")
def test_the_class_of_every_part(sd: Path, part: str, value: Any, words: tuple[str, ...]) -> None:
    edit(sd / "model_index.json", **{part: value})
    refused(sd, part, *words)


@pytest.mark.parametrize(
    ("file", "fields", "words"),
    [
        ("unet/config.json", {"time_cond_proj_dim": 32}, ("lacks weights", "cond_proj.weight")),
        ("unet/config.json", {"class_embed_type": "timestep"}, ("class_embed_type",)),
        ("unet/config.json", {"num_class_embeds": 10}, ("num_class_embeds",)),
        ("unet/config.json", {"addition_embed_type": "text_time"}, ("addition_embed_type",)),
        ("unet/config.json", {"encoder_hid_dim_type": "image_proj"}, ("encoder_hid_dim_type",)),
        ("unet/config.json", {"in_channels": 9}, ("in_channels = 9", "expected 4")),
        ("unet/config.json", {"out_channels": 8}, ("out_channels = 8", "expected 4")),
        ("unet/config.json", {"cross_attention_dim": 48}, ("width 48", "expected 32")),
        ("unet/config.json", {"sample_size": None}, ("sample_size = None", "[height, width]")),
        ("unet/config.json", {"sample_size": ...}, ("sample_size = None",)),
        ("unet/config.json", {"sample_size": [8, 8, 8]}, ("sample_size",)),
        ("unet/config.json", {"sample_size": "64"}, ("sample_size",)),
        ("unet/config.json", {"in_channels": "four"}, ("in_channels",)),
        ("unet/config.json", {"a_new_trick": True}, ("a_new_trick", "does not know")),
        ("unet/config.json", {"_class_name": "UNet3DConditionModel"}, ("UNet3DConditionModel",)),
        ("unet/config.json", {"quantization_config": {"load_in_8bit": True}}, ("quantized",)),
        ("vae/config.json", {"out_channels": 1}, ("out_channels = 1", "expected 3")),
        ("text_encoder/config.json", {"architectures": ["T5EncoderModel"]}, ("T5Encoder",)),
        ("text_encoder/config.json", {"hidden_size": ...}, ("text_encoder",)),
        ("text_encoder/config.json", {"use_attention_mask": True}, ("use_attention_mask",)),
        ("text_encoder/config.json", {"vocab_size": 3}, ("token id", "vocab_size")),
        ("scheduler/scheduler_config.json", {"_class_name": "FlowMatchEuler"}, ("FlowMatchEuler",)),
        ("scheduler/scheduler_config.json", {"beta_schedule": "odd"}, ("scheduler", "odd")),
        ("tokenizer/tokenizer_config.json", {"model_max_length": 7}, ("pads to 7", "expected 16")),
    ],
)
@pytest.mark.usefixtures("no_module_is_run")
def test_configurations_of_every_part(
    sd: Path, file: str, fields: dict[str, Any], words: tuple[str, ...]
) -> None:
    edit(sd / file, **fields)
    part = "tokenizer" if "vocab_size" in fields else file.partition("/")[0]
    refused(sd, part, *words)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "scheduler", "tokenizer"])
@pytest.mark.usefixtures("no_module_is_run")
def test_a_missing_folder_is_named(sd: Path, part: str) -> None:
    shutil.rmtree(sd / part)
    refused(sd, f"has no {part}" if part == "tokenizer" else f"{part} has no")


@pytest.mark.parametrize(
    "file",
    [
        UNET,
        TEXT,
        "vae/diffusion_pytorch_model.safetensors",
        "unet/config.json",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "model_index.json",
    ],
)
@pytest.mark.usefixtures("no_module_is_run")
def test_pointers_of_git_lfs_are_named(sd: Path, file: str) -> None:
    (sd / file).write_text(POINTER)
    refused(sd, file, "git-LFS pointer", "git lfs pull")


@pytest.mark.parametrize("file", [UNET, TEXT, "vae/diffusion_pytorch_model.safetensors"])
@pytest.mark.usefixtures("no_module_is_run")
def test_cut_and_foreign_files_are_named(sd: Path, file: str) -> None:
    whole = (sd / file).read_bytes()
    for data, word in (
        (whole[:-1], "cut short"),
        (whole[:100], "cut short"),
        (whole[:5], "cut short"),
        (b"", "cut short"),
        (whole + b"x", "foreign bytes"),
        (b"<!DOCTYPE html><html></html>", "no safetensors file"),
        (whole[:8] + b"?" + whole[9:], "malformed"),
    ):
        (sd / file).write_bytes(data)
        refused(sd, file, word)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(
    ("file", "weight"),
    [
        (UNET, "mid_block.resnets.0.conv1.weight"),
        (TEXT, "text_model.final_layer_norm.bias"),
        ("vae/diffusion_pytorch_model.safetensors", "decoder.conv_out.bias"),
    ],
)
@pytest.mark.usefixtures("no_module_is_run")
def test_numbers_that_are_none_are_named(sd: Path, file: str, weight: str, value: float) -> None:
    change(sd / file, lambda state: state[weight].view(-1)[0].fill_(value))
    refused(sd, f"{file.partition('/')[0]}.{weight}", "NaN or infinity")


def test_halves_are_read_and_checked(sd: Path) -> None:
    def half(state: dict[str, torch.Tensor]) -> None:
        state.update({name: value.half() for name, value in state.items()})

    change(sd / UNET, half)
    assert components.load(sd).component("unet").module.model.dtype == torch.float32
    change(sd / UNET, lambda state: state["conv_in.bias"][0].fill_(float("nan")))
    refused(sd, "unet.conv_in.bias")


def test_weights_missing_foreign_misshaped_or_of_other_types(sd: Path) -> None:
    norm = "text_model.final_layer_norm.weight"
    original = (sd / TEXT).read_bytes()
    change(sd / TEXT, lambda state: state.pop(norm))
    refused(sd, "text_encoder", "lacks weights", norm, "CLIPTextModel")
    (sd / TEXT).write_bytes(original)
    change(sd / TEXT, lambda state: state.update({"text_projection.weight": torch.zeros(2, 2)}))
    refused(sd, "text_encoder", "unexpected weights", "text_projection.weight")
    (sd / TEXT).write_bytes(original)
    change(sd / TEXT, lambda state: state.update({norm: torch.zeros(8)}))
    refused(sd, "text_encoder", norm)
    (sd / TEXT).write_bytes(original)
    change(sd / TEXT, lambda state: state.update({norm: torch.zeros(32, dtype=torch.int8)}))
    refused(sd, norm, "stored as I8", "BF16")
    (sd / TEXT).write_bytes(original)
    change(sd / UNET, lambda state: state.pop("conv_in.bias"))
    refused(sd, "unet", "conv_in.bias")


def test_position_ids_of_earlier_transformers_are_no_weights(sd: Path) -> None:
    name = "text_model.embeddings.position_ids"
    change(sd / TEXT, lambda state: state.update({name: torch.arange(16)[None]}))
    components.load(sd).component("text_encoder")


def test_missing_shards_and_names_that_no_loader_knows(sd: Path) -> None:
    index = sd / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"conv_in.bias": "missing.safetensors"}}))
    (sd / UNET).rename(sd / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    refused(sd, "unet", "missing.safetensors")
    index.unlink()
    (sd / "unet" / "diffusion_pytorch_model.fp16.safetensors").rename(
        sd / "unet" / "my_unet.safetensors"
    )
    refused(sd, "my_unet.safetensors", "expected", "diffusion_pytorch_model.safetensors")


def test_pictures_that_are_not_square(sd: Path) -> None:
    edit(sd / "unet" / "config.json", sample_size=[8, 16])
    pipeline = components.load(sd)
    recording = components.record(pipeline, seed=1)
    assert recording.run.outputs["image"].shape == (1, 3, 16, 32)


def test_a_tokenizer_in_one_file(sd: Path) -> None:
    from transformers import CLIPTokenizerFast

    expected = components.load(sd).example_run(0)["input_ids"]
    CLIPTokenizerFast.from_pretrained(sd / "tokenizer").save_pretrained(sd / "tokenizer")
    (sd / "tokenizer" / "vocab.json").unlink()
    (sd / "tokenizer" / "merges.txt").unlink()
    assert (components.load(sd).example_run(0)["input_ids"] == expected).all()
    (sd / "tokenizer" / "tokenizer.json").write_text("{}")
    refused(sd, "tokenizer")


def test_every_kind_can_be_planned(sd: Path, tmp_path: Path) -> None:
    settings = PlanSettings(target=Target.IOS16, runs=1, checks=1, cache=tmp_path / "cache")
    planner = Planner(sd, settings)
    plan = planner.for_size(planner.limits()[1])
    assert set(plan.recipe.weights) == set(planner.runs.weights) and plan.quality.mean > 30


def test_the_sampler_is_the_one_that_the_checkpoint_names(sd: Path) -> None:
    for kind, name in (("PNDMScheduler", "pndm"), ("EulerDiscreteScheduler", "euler-discrete")):
        edit(sd / "model_index.json", scheduler=["diffusers", kind])
        edit(sd / "scheduler" / "scheduler_config.json", _class_name=kind)
        facts = components.load(sd).facts()
        assert facts.sampler["kind"] == name
        assert len(facts.sampler["timesteps"]) >= STEPS


@pytest.mark.parametrize("part", ["identity_encoder", "denoiser", "decoder"])
@pytest.mark.usefixtures("no_module_is_run")
def test_the_same_for_avatars(avatar: Path, part: str) -> None:
    edit(avatar / part / "config.json", a_new_trick=1)
    refused(avatar, part, "a_new_trick")
    edit(avatar / part / "config.json", a_new_trick=..., _class_name="Other")
    refused(avatar, part, "Other")
    edit(avatar / part / "config.json", _class_name=...)
    file = next((avatar / part).glob("*.safetensors"))
    name = next(iter(load_file(file)))
    change(file, lambda state: state[name].view(-1)[0].fill_(float("nan")))
    refused(avatar, f"{part}.{name}", "NaN or infinity")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_value_of_any_field_is_read_or_refused_in_one_line(
    sd: Path, data: st.DataObject
) -> None:
    """Law: opening a checkpoint returns, or raises a `ComponentsError` of one line."""
    files = [*sorted(sd.glob("**/*config.json")), sd / "model_index.json"]
    path = data.draw(st.sampled_from(files))
    original = path.read_text()
    field = data.draw(st.sampled_from(sorted(json.loads(original))))
    try:
        edit(path, **{field: data.draw(json_values)})
        components.load(sd).facts()
    except ComponentsError as error:
        assert "\n" not in str(error)
    finally:
        path.write_text(original)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(length=st.integers(0, 3000), data=st.binary(max_size=200))
def test_any_bytes_as_weights_are_refused_in_one_line(
    avatar_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory, length: int, data: bytes
) -> None:
    from components.weights import check_weights

    whole = next((avatar_checkpoint / "denoiser").glob("*.safetensors")).read_bytes()
    path = tmp_path_factory.mktemp("bytes") / "weights.safetensors"
    path.write_bytes(whole[:length] + data)
    with pytest.raises(CheckpointError) as caught:
        check_weights(path, "denoiser")
    assert "\n" not in str(caught.value)
