"""Parts, sizes, classes and batches: what is changed, what stays a link, what is refused."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

import components
from components import ComponentsError
from components.overlay import (
    Changes,
    Lora,
    Overlay,
    licence_of,
    overlaid,
    overlay_of,
    parse_loras,
    parse_size,
)
from components.overlay.folder import link
from components.overlay.size import unet_factor, vae_factor
from tests.components.overlay import original_layout
from tests.components.overlay.originals import save_original, tiny_modules


def config(folder: Path, part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / part / "config.json").read_text())
    return found


def index(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "model_index.json").read_text())
    return found


def same_weights(one: Path, other: Path) -> bool:
    a, b = (load_file(next(path.glob("*.safetensors"))) for path in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def refused(checkpoint: Path, changes: Changes) -> str:
    with pytest.raises(ComponentsError) as caught, overlaid(checkpoint, changes):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Nothing to change, and what is written down.


def test_without_changes_it_is_the_checkpoint_itself(sd_checkpoint: Path) -> None:
    with overlaid(sd_checkpoint, Changes()) as folder:
        assert folder == sd_checkpoint
        assert overlay_of(folder) is None


def test_a_batch_is_recorded_and_nothing_else_is_written(sd_checkpoint: Path) -> None:
    before = components.fingerprint(sd_checkpoint)
    with overlaid(sd_checkpoint, Changes(batch=4)) as folder:
        assert overlay_of(folder) == Overlay(base=before, batch=4)
        for path in folder.rglob("*"):
            if path.is_file() and path.name not in ("overlay.json", "model_index.json"):
                assert Path(os.readlink(path)) == sd_checkpoint / path.relative_to(folder)
        names = {p.relative_to(folder) for p in folder.rglob("*")} - {Path("overlay.json")}
        assert names == {p.relative_to(sd_checkpoint) for p in sd_checkpoint.rglob("*")}
        assert components.load(folder).names
    assert components.fingerprint(sd_checkpoint) == before


def test_a_change_of_a_change_keeps_the_first_base(sd_checkpoint: Path) -> None:
    with (
        overlaid(sd_checkpoint, Changes(batch=2)) as one,
        overlaid(one, Changes(size=(48, 32))) as two,
    ):
        record = overlay_of(two)
    assert record is not None
    assert (record.base, record.batch) == (components.fingerprint(sd_checkpoint), 2)
    assert [(change.what, change.value) for change in record.changes] == [("size", "48x32")]


def test_a_broken_record_is_one_line(sd_checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(sd_checkpoint, tmp_path / "copy"))
    (copy / "overlay.json").write_text('{"base": 3}')
    assert "overlay.json: base is 3" in refused(copy, Changes(batch=2))


def test_links_fall_back_to_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where making links is a privilege."""

    def denied(*_: Any, **__: Any) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    (tmp_path / "folder" / "part").mkdir(parents=True)
    (tmp_path / "folder" / "part" / "a.json").write_text("{}")
    monkeypatch.setattr(Path, "symlink_to", denied)
    link(tmp_path / "folder", tmp_path / "copy")
    assert not (tmp_path / "copy" / "part" / "a.json").is_symlink()
    assert (tmp_path / "copy" / "part" / "a.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (
            "---\nlicense: creativeml-openrail-m\ntags:\n- art\n---\n# Card\n",
            "creativeml-openrail-m",
        ),
        ("---\nlicense: other\nlicense_name: my-licence\n---\n", "my-licence"),
        ("---\nlicense:\n- mit\n- apache-2.0\n---\n", "mit, apache-2.0"),
        ("---\r\nlicense: mit\r\n---\r\n", "mit"),
        ("---\nlicense: [\n---\n", None),
        ("---\n- a list\n---\n", None),
        ("# license: mit\n", None),
        (b"\xff\xfe---", None),
    ],
)
def test_the_licence_of_a_card(card: str | bytes, licence: str | None, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(card if isinstance(card, bytes) else card.encode())
    assert licence_of(tmp_path) == licence


# Sizes.


@pytest.mark.parametrize("size", [(48, 32), (32, 32)])
def test_a_size_is_drawn(sd_checkpoint: Path, size: tuple[int, int]) -> None:
    with overlaid(sd_checkpoint, Changes(size=size)) as folder:
        width, height = size
        sample = config(folder, "unet")["sample_size"]
        assert sample == (height // 2 if width == height else [height // 2, width // 2])
        pipeline = components.load(folder)
        assert pipeline.component("decoder").outputs[0].shape == (1, 3, height, width)
        assert same_weights(folder / "unet", sd_checkpoint / "unet")


def test_a_size_that_does_not_work_names_the_nearest(sd_checkpoint: Path) -> None:
    message = refused(sd_checkpoint, Changes(size=(33, 50)))
    assert "draws multiples of 4 pixels" in message
    assert message.endswith("the nearest: 32x48 or 36x52")
    assert "at most 2048" in refused(sd_checkpoint, Changes(size=(4096, 32)))


def test_factors_of_published_models() -> None:
    assert vae_factor({"block_out_channels": [128, 256, 512, 512]}) == 8
    assert vae_factor({"_class_name": "AutoencoderTiny"}) == 8
    assert vae_factor({"_class_name": "AutoencoderTiny", "encoder_block_out_channels": [64]}) == 1
    assert unet_factor({"down_block_types": ["a"] * 4}) == 8
    assert unet_factor({"down_block_types": ["a"] * 3}) == 4


@settings(max_examples=40, deadline=None, derandomize=True)
@given(width=st.integers(1, 99999), height=st.integers(1, 99999), times=st.sampled_from("xX×"))
def test_sizes_are_read_as_written(width: int, height: int, times: str) -> None:
    assert parse_size(f"{width}{times}{height}") == (width, height)


@pytest.mark.parametrize("text", ["", "512", "512x", "0x512", "-8x8", "1.5x2", "8x8x8", "8 x 8"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ComponentsError, match="WIDTHxHEIGHT"):
        parse_size(text)


# How LoRAs are written.


@pytest.mark.parametrize(
    ("text", "path", "strength"),
    [
        ("a.safetensors", "a.safetensors", 1.0),
        ("a.safetensors:0.8", "a.safetensors", 0.8),
        ("a.safetensors:-1", "a.safetensors", -1.0),
        (r"C:\loras\a.safetensors", r"C:\loras\a.safetensors", 1.0),
        ("C:/loras/a.safetensors", "C:/loras/a.safetensors", 1.0),
        (r"C:\loras\a.safetensors:.5", r"C:\loras\a.safetensors", 0.5),
        ("folder:2/a", None, 0.0),
        ("a:", None, 0.0),
        (":1", None, 0.0),
        ("a:nan", None, 0.0),
        ("a:inf", None, 0.0),
    ],
)
def test_a_lora_is_a_file_and_perhaps_a_strength(
    text: str, path: str | None, strength: float
) -> None:
    if path is None:
        with pytest.raises(ComponentsError, match="expected FILE:STRENGTH"):
            parse_loras([text])
    else:
        assert parse_loras([text]) == (Lora(file=Path(path), strength=strength),)


@pytest.mark.skipif(os.name == "nt", reason="a Windows file name has no colon")
def test_a_file_whose_name_ends_like_a_strength(tmp_path: Path) -> None:
    (tmp_path / "a:1").write_text("")
    assert parse_loras([f"{tmp_path}/a:1"]) == (Lora(file=tmp_path / "a:1"),)
    assert parse_loras([f"{tmp_path}/a:1:2"]) == (Lora(file=tmp_path / "a:1", strength=2),)


# Parts.


def test_parts_are_swapped_for_folders(sd_checkpoint: Path, tmp_path: Path) -> None:
    changes: dict[str, Path] = {}
    for part, kind in (("unet", UNet2DConditionModel), ("vae", AutoencoderKL)):
        torch.manual_seed(9)
        model = kind.from_config(kind.load_config(sd_checkpoint / part))
        model.save_pretrained(tmp_path / part)
        changes[part] = tmp_path / part
    text = CLIPTextModel.from_pretrained(sd_checkpoint / "text_encoder")
    torch.nn.init.ones_(text.text_model.final_layer_norm.bias)
    text.save_pretrained(tmp_path / "words")
    with overlaid(sd_checkpoint, Changes(**changes, text_encoder=tmp_path / "words")) as folder:
        for part, source in (*changes.items(), ("text_encoder", tmp_path / "words")):
            assert same_weights(folder / part, source)
            assert not same_weights(folder / part, sd_checkpoint / part)
        record = overlay_of(folder)
        assert record is not None
        assert {c.what: c.value for c in record.changes} == {
            **{part: part for part in changes},
            "text_encoder": "words",
        }
        assert all(c.sha256 for c in record.changes)
        components.record(components.load(folder), seed=0)


def test_a_tiny_autoencoder_takes_the_vaes_place(sd_checkpoint: Path, tmp_path: Path) -> None:
    tiny = AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )
    tiny.save_pretrained(tmp_path / "taesd")
    with overlaid(sd_checkpoint, Changes(vae=tmp_path / "taesd", size=(64, 64))) as folder:
        assert index(folder)["vae"] == ["diffusers", "AutoencoderTiny"]
        side = config(folder, "unet")["sample_size"]
        with torch.inference_mode():
            assert tiny.decode(torch.zeros(1, 4, side, side)).sample.shape == (1, 3, 64, 64)


@pytest.mark.parametrize("original", [True, False])
def test_unet_and_vae_are_swapped_for_files(
    sd_checkpoint: Path, tmp_path: Path, original: bool
) -> None:
    torch.manual_seed(5)
    unet = tiny_modules("sd1", cross_attention_dim=32)["unet"]
    vae = AutoencoderKL.from_config(
        AutoencoderKL.load_config(sd_checkpoint / "vae"), norm_num_groups=32
    )
    files = {"unet": unet.state_dict(), "vae": vae.state_dict()}
    if original:
        named = original_layout.unet(files["unet"], 1)
        files["unet"] = {f"model.diffusion_model.{name}": t for name, t in named.items()}
        files["vae"] = original_layout.vae(files["vae"], 2, lambda t: t[:, :, None, None])
    for part, state in files.items():
        save_file({k: v.contiguous() for k, v in state.items()}, tmp_path / f"{part}.safetensors")
    changes = Changes(unet=tmp_path / "unet.safetensors", vae=tmp_path / "vae.safetensors")
    with overlaid(sd_checkpoint, changes) as folder:
        for part, model in (("unet", unet), ("vae", vae)):
            found = load_file(next((folder / part).glob("*.safetensors")))
            assert found.keys() == model.state_dict().keys()
            assert all(torch.equal(found[k], v) for k, v in model.state_dict().items())
        assert config(folder, "unet")["sample_size"] == 16
        assert components.load(folder).component("unet").outputs[0].shape == (1, 4, 16, 16)


def test_a_controlnet_comes_with_its_pipeline(sd_checkpoint: Path, tmp_path: Path) -> None:
    unet = UNet2DConditionModel.from_pretrained(sd_checkpoint / "unet")
    ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 16)).save_pretrained(
        tmp_path / "canny"
    )
    with overlaid(sd_checkpoint, Changes(controlnet=tmp_path / "canny", size=(48, 32))) as folder:
        assert index(folder)["_class_name"] == "StableDiffusionControlNetPipeline"
        assert index(folder)["controlnet"] == ["diffusers", "ControlNetModel"]
        assert config(folder, "controlnet")["sample_size"] == [16, 24]
        assert not (tmp_path / "canny" / "overlay.json").exists()
    assert json.loads((tmp_path / "canny/config.json").read_text()).get("sample_size") != [16, 24]


def test_parts_that_do_not_fit_are_one_line(
    sd_checkpoint: Path, avatar_checkpoint: Path, tmp_path: Path
) -> None:
    vae, unet = sd_checkpoint / "vae", sd_checkpoint / "unet"
    assert "is of a AutoencoderKL, expected UNet2D" in refused(sd_checkpoint, Changes(unet=vae))
    assert "is missing" in refused(sd_checkpoint, Changes(unet=tmp_path / "none"))
    assert f"name {unet}" in refused(sd_checkpoint, Changes(unet=sd_checkpoint))
    assert "AvatarPipeline without unet" in refused(avatar_checkpoint, Changes(unet=unet))
    assert "takes no ControlNet" in refused(avatar_checkpoint, Changes(controlnet=unet))
    assert "without unet" in refused(avatar_checkpoint, Changes(size=(256, 256)))
    file = next(vae.glob("*.safetensors"))
    message = refused(sd_checkpoint, Changes(unet=file))
    assert f"{file} lacks weights" in message and "UNet2DConditionModel" in message
    assert "the folder of one model" in refused(sd_checkpoint, Changes(controlnet=file))
    torch.save({}, tmp_path / "vae.pt")
    assert "pickled weights" in refused(sd_checkpoint, Changes(vae=tmp_path / "vae.pt"))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "without config.json" in refused(sd_checkpoint, Changes(vae=empty))


# Classes and predictions.


def test_a_pipeline_class_that_is_known(sd_checkpoint: Path) -> None:
    with overlaid(sd_checkpoint, Changes(pipeline="StableDiffusionPipeline")) as folder:
        assert index(folder)["_class_name"] == "StableDiffusionPipeline"
    message = refused(sd_checkpoint, Changes(pipeline="FluxPipeline"))
    assert "'FluxPipeline'" in message and "StableDiffusionPipeline" in message


def test_a_prediction_that_the_checkpoint_says_wrongly(sd_checkpoint: Path) -> None:
    with overlaid(sd_checkpoint, Changes(prediction="v_prediction")) as folder:
        path = folder / "scheduler" / "scheduler_config.json"
        assert json.loads(path.read_text())["prediction_type"] == "v_prediction"
        assert components.load(folder).facts().sampler
    with pytest.raises(ComponentsError, match=r"expected epsilon or v_prediction"):
        Changes(prediction="noise")


@pytest.mark.parametrize("batch", [0, 17, -1])
def test_batches_that_there_are_not(batch: int) -> None:
    with pytest.raises(ComponentsError, match="expected 1 to 16"):
        Changes(batch=batch)


def test_a_single_file_takes_all_changes(tmp_path: Path) -> None:
    from tests.components.overlay.adapters import pairs, save_kohya

    modules = tiny_modules("sd1")
    file = save_original(tmp_path / "sd.safetensors", "sd1", modules)
    lora = save_kohya(tmp_path / "l.safetensors", pairs(modules, seed=1, targets=r"\.to_q$"))
    changes = Changes(loras=(Lora(file=lora),), size=(64, 32), batch=2)
    with overlaid(file, changes) as folder:
        record = overlay_of(folder)
        assert record is not None
        assert [change.what for change in record.changes] == ["checkpoint", "lora", "size"]
        assert config(folder, "unet")["sample_size"] == [16, 32]


# Quantized checkpoints.


def test_a_quantized_checkpoint_takes_sizes_only(sd_checkpoint: Path, tmp_path: Path) -> None:
    from quantization import Recipe, apply, open_quantized, parse, write_quantized

    recipe = Recipe(pipeline="StableDiffusionPipeline", patterns=(("*", parse("int8")),))
    write_quantized(apply(sd_checkpoint, recipe), tmp_path / "q")
    lora = Changes(loras=(Lora(file=tmp_path / "l.safetensors"),))
    for changes in (lora, Changes(unet=sd_checkpoint / "unet")):
        assert "and quantize that" in refused(tmp_path / "q", changes)
    with overlaid(tmp_path / "q", Changes(size=(48, 32), batch=2)) as folder:
        pipeline = open_quantized(folder).pipeline
        assert pipeline.component("decoder").outputs[0].shape == (2, 3, 32, 48)
