"""Kind 1, second part: contradictions inside a part, and settings that a library passes over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import components
from components import CheckpointError
from export.errors import ExportError
from export.exporter import Request, export
from tests.field_reports.test_declared import POINTER, TEXT, UNET, change, edit, refused

VAE = "vae/diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize(
    ("file", "fields", "words"),
    [
        ("model_index.json", {"guidance_scale": 3.0}, ("guidance_scale = 3.0", "only parts")),
        ("model_index.json", {"adapter": {"a": 1}}, ("adapter",)),
        ("model_index.json", {"text_encoder_2": ["transformers", "CLIPTextModel"]}, ("encoder_2",)),
        ("model_index.json", {"motion_adapter": ["diffusers", "MotionAdapter"]}, ("MotionAd",)),
        ("unet/config.json", {"sample_size": 3}, ("sample_size = 3", "6×6", "multiples of 8")),
        ("unet/config.json", {"sample_size": 100_000}, ("sample_size", "at most 1024")),
        ("unet/config.json", {"_diffusers_version": 5}, ("_diffusers_version",)),
        ("vae/config.json", {"scaling_factor": None}, ("scaling_factor = None", "positive")),
        ("vae/config.json", {"scaling_factor": 0}, ("scaling_factor = 0", "positive")),
        ("vae/config.json", {"scaling_factor": float("inf")}, ("scaling_factor = inf",)),
        ("vae/config.json", {"scaling_factor": [1, 2, 3, 4]}, ("scaling_factor",)),
        ("text_encoder/config.json", {"architectures": "CLIPTextModelWithProjection"}, ("Projec",)),
        ("text_encoder/config.json", {"model_type": "bert"}, ("'bert'", "clip_text_model")),
        ("text_encoder/config.json", {"eos_token_id": None}, ("eos_token_id = None", "token id")),
        ("text_encoder/config.json", {"clip_skip": 2}, ("clip_skip = 2", "does not know")),
        ("scheduler/scheduler_config.json", {"thresholding": True}, ("thresholding", "latents")),
        ("scheduler/scheduler_config.json", {"use_karras_sigmas": True}, ("use_karras_sigmas",)),
        ("scheduler/scheduler_config.json", {"shift": 3.0}, ("shift = 3.0", "DDIMScheduler")),
        ("scheduler/scheduler_config.json", {"clip_sample": 1}, ("clip_sample = 1", "true or")),
        ("scheduler/scheduler_config.json", {"set_alpha_to_one": "no"}, ("set_alpha_to_one",)),
        ("scheduler/scheduler_config.json", {"prediction_type": "odd"}, ("prediction_type", "odd")),
        ("scheduler/scheduler_config.json", {"trained_betas": [0.1]}, ("scheduler",)),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": 3}, ("scheduler", "3")),
        (
            "scheduler/scheduler_config.json",
            {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"},
            ("NaN or infinity", "DDIMScheduler"),
        ),
        ("tokenizer/tokenizer_config.json", {"tokenizer_class": "T5Tokenizer"}, ("T5Tokenizer",)),
        ("tokenizer/tokenizer_config.json", {"do_lower_case": False}, ("do_lower_case = False",)),
        ("tokenizer/tokenizer_config.json", {"padding_side": "left"}, ("padding_side", "right")),
        ("tokenizer/tokenizer_config.json", {"add_bos_token": False}, ("add_bos_token",)),
        ("tokenizer/tokenizer_config.json", {"pad_token": None}, ("pad_token",)),
        ("tokenizer/special_tokens_map.json", {"pad_token": "a"}, ("pad_token = 'a'",)),
    ],
)
@pytest.mark.usefixtures("no_module_is_run")
def test_configurations(
    sd: Path, file: str, fields: dict[str, Any], words: tuple[str, ...]
) -> None:
    edit(sd / file, **fields)
    refused(sd, *words)


@pytest.mark.parametrize(
    ("fields", "prediction"),
    [({"skip_prk_steps": True, "final_sigmas_type": "zero"}, "epsilon"), ({"beta_end": 0.01}, "")],
)
def test_settings_of_other_schedulers_at_their_defaults_change_nothing(
    sd: Path, fields: dict[str, Any], prediction: str
) -> None:
    edit(sd / "scheduler" / "scheduler_config.json", **fields)
    assert components.load(sd).facts().sampler["prediction"].startswith(prediction)


SPECIAL = {"<|startoftext|>": 0, "<|endoftext|>": 1}


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("vocab.json", json.dumps({**SPECIAL, "a": None}), "the id None"),
        ("vocab.json", json.dumps({**SPECIAL, "a": 2.5}), "the id 2.5"),
        ("vocab.json", json.dumps({**SPECIAL, "a": -1}), "the id -1"),
        ("vocab.json", json.dumps({**SPECIAL, "a": 2, "b": 2}), "two tokens one id"),
        ("vocab.json", json.dumps({**SPECIAL, "ab": 2}), "cut short, or another"),
        ("vocab.json", "[]", "not a JSON object"),
        ("merges.txt", "#version: 0.2\na b\n", "merges.txt:2"),
        ("merges.txt", "#version: 0.2\nq\n", "two parts of a token"),
        ("added_tokens.json", '{"<cat>": 53}', "<cat>"),
        ("added_tokens.json", POINTER, "git-LFS"),
        ("tokenizer_config.json", POINTER, "git-LFS"),
        ("special_tokens_map.json", POINTER, "git-LFS"),
        ("special_tokens_map.json", "{", "not JSON"),
    ],
)
@pytest.mark.usefixtures("no_module_is_run")
def test_tokenizers_whose_files_contradict_each_other(
    sd: Path, file: str, text: str, word: str
) -> None:
    (sd / "tokenizer" / file).write_text(text)
    refused(sd, "tokenizer", word)


@pytest.mark.usefixtures("no_module_is_run")
def test_a_token_beyond_the_embedding(sd: Path) -> None:
    """The vocabulary counts, not just the tokens of one prompt."""
    path = sd / "tokenizer" / "vocab.json"
    vocabulary = json.loads(path.read_text())
    path.write_text(json.dumps({**vocabulary, "é": len(vocabulary)}))
    refused(sd, "tokenizer", "token id 54", "at most 53", "vocab_size")


@pytest.mark.parametrize(
    "file",
    [
        "pytorch_lora_weights.safetensors",
        "learned_embeds.safetensors",
        "unet/adapter_config.json",
        "text_encoder/adapter_model.safetensors",
    ],
)
@pytest.mark.usefixtures("no_module_is_run")
def test_weights_that_no_loader_adds(sd: Path, file: str) -> None:
    (sd / file).write_text("{}")
    refused(sd, Path(file).name, "--lora")


def shard(sd: Path, how: Callable[[dict[str, str]], None] = lambda _: None) -> Path:
    """Cut the UNet's weights in two files; `how` may change the index. Returns the second file."""
    state, folder = load_file(sd / UNET), sd / "unet"
    (sd / UNET).unlink()
    files = [f"diffusion_pytorch_model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    named = {name: files[index % 2] for index, name in enumerate(sorted(state))}
    for file in files:
        held = {name: state[name] for name in state if named[name] == file}
        save_file(held, folder / file, metadata={"format": "pt"})
    how(named)
    index = folder / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": named}))
    return folder / files[1]


def test_whole_shards_are_read(sd: Path) -> None:
    expected = components.load(sd).component("unet").module.state_dict()
    shard(sd)
    found = components.load(sd).component("unet").module.state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.usefixtures("no_module_is_run")
def test_shards_that_are_not_what_their_index_says(sd: Path) -> None:
    original = (sd / UNET).read_bytes()
    second = shard(sd)
    change(second, lambda state: state.update({"conv_in.bias": torch.zeros(32)}))
    refused(sd, "unet", "conv_in.bias", "nowhere else")
    for how, word in (
        (lambda named: named.pop("conv_in.bias"), "conv_in.bias"),
        (lambda named: named.update({"conv_in.bias": second.name}), "conv_in.bias"),
        (lambda named: named.update({"conv_in.bias": "../x.safetensors"}), "beside it"),
        (lambda named: named.update({"conv_in.bias": "no.safetensors"}), "no.safetensors"),
    ):
        for path in (sd / "unet").glob("*.safetensors*"):
            path.unlink()
        (sd / UNET).write_bytes(original)
        shard(sd, how)
        refused(sd, "unet", word)
    (sd / UNET).write_bytes(original)
    refused(sd, "unet", "has both")


def test_each_library_has_its_own_name_for_weights(sd: Path) -> None:
    """transformers does not read `diffusion_pytorch_model`: what it reads is what is checked."""
    other = sd / "text_encoder" / "diffusion_pytorch_model.safetensors"
    shutil.copyfile(sd / TEXT, other)
    change(sd / TEXT, lambda state: next(iter(state.values())).view(-1)[0].fill_(float("nan")))
    refused(sd, TEXT, "NaN or infinity")
    (sd / TEXT).unlink()
    refused(sd, "text_encoder", "expected model.safetensors")


@pytest.mark.parametrize(
    ("file", "name"),
    [(UNET, "conv_in.bias"), (VAE, "encoder.conv_in.bias"), (VAE, "decoder.conv_in.bias")],
)
@pytest.mark.usefixtures("no_module_is_run")
def test_numbers_beyond_float32(sd: Path, file: str, name: str) -> None:
    change(sd / file, lambda state: state.update({name: state[name].double() * 0 - 1e300}))
    refused(sd, name, "-1e+300", "float32")


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.float16])
def test_every_float_type_gives_its_numbers(sd: Path, kind: torch.dtype) -> None:
    stored = load_file(sd / UNET)["conv_in.weight"].to(kind)
    change(sd / UNET, lambda state: state.update({"conv_in.weight": stored}))
    found = components.load(sd).component("unet").module.state_dict()
    assert torch.equal(found["model.conv_in.weight"], stored.float())


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.uint8, torch.bool, torch.int32])
@pytest.mark.usefixtures("no_module_is_run")
def test_types_that_are_no_floats(sd: Path, kind: torch.dtype) -> None:
    change(
        sd / VAE, lambda s: s.update({"decoder.conv_in.bias": s["decoder.conv_in.bias"].to(kind)})
    )
    refused(sd, "vae.decoder.conv_in.bias", "stored as", "BF16")


@pytest.mark.usefixtures("no_module_is_run")
def test_weights_that_fp16_cannot_hold_are_named(sd: Path, tmp_path: Path) -> None:
    change(sd / UNET, lambda state: state["conv_in.bias"].fill_(1e5))
    request = Request(checkpoint=sd, format="onnx", out=tmp_path / "out")
    with pytest.raises(ExportError, match=r"unet\..*conv_in.bias holds 1e\+05.*--precision fp32"):
        export(request)
    assert components.load(sd).component("unet")


@pytest.mark.parametrize(
    ("file", "fields"),
    [
        ("model_index.json", {"labels": ["a"]}),
        ("sampler/scheduler_config.json", {"steps": 0}),
        ("sampler/scheduler_config.json", {"steps": 2.5}),
        ("sampler/scheduler_config.json", {"steps": 10**9}),
        ("sampler/scheduler_config.json", {"guidance": float("nan")}),
        ("sampler/scheduler_config.json", {"guidance": None}),
        ("sampler/scheduler_config.json", {"shift": 0}),
        ("sampler/scheduler_config.json", {"also": ["a"]}),
        ("sampler/scheduler_config.json", {"a_new_trick": 3}),
        ("denoiser/config.json", {"styles": 5}),
        ("denoiser/config.json", {"latent_channels": 4}),
        ("denoiser/config.json", {"token_width": 64}),
        ("identity_encoder/config.json", {"tokens": 4}),
        ("decoder/config.json", {"latent_channels": 4}),
    ],
)
@pytest.mark.usefixtures("no_module_is_run")
def test_avatars(avatar: Path, file: str, fields: dict[str, Any]) -> None:
    edit(avatar / file, **fields)
    with pytest.raises(CheckpointError) as caught:
        components.load(avatar)
        for name in components.load(avatar).names:
            components.load(avatar).component(name)
    assert "\n" not in str(caught.value)
