"""Single files: kinds, configurations from shapes, exact weights, and what each refusal says."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import components
from components import CheckpointError
from components.overlay import Changes, licence_of, overlaid, overlay_of
from components.overlay.exact import require_exact
from components.overlay.shapes import clip_config, open_clip_config, vae_config
from components.overlay.single_file import kind_of, original_unet, read_kind
from components.overlay.tensors import open_tensors
from components.overlay.unet_shapes import unet_config
from tests.components.overlay import original_layout
from tests.components.overlay.originals import (
    TEXT,
    original_state,
    save_original,
    tiny_modules,
    tiny_unet,
)

NOTHING = Changes()
SAID_OF_KIND = {"_class_name": 0, "architectures": 0, "sample_size": 0, "upcast_attention": 0}
"""Fields that say what a configuration is, and what v-prediction changes."""
KINDS = ("sd1", "sd2", "sdxl", "sdxl_refiner")


def changes_for(kind: str) -> Changes:
    return Changes(prediction="v_prediction") if kind == "sd2" else NOTHING


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_of_the_published_models_give_their_configurations(kind: str) -> None:
    """At full size, without weights: every number that shapes show is read from them."""
    published = read_kind(kind)
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(published["unet"])
        vae = AutoencoderKL.from_config(published["vae"])
    names = original_layout.unet(unet.state_dict(), 2)
    shapes = {name: tuple(tensor.shape) for name, tensor in names.items()}
    assert unet_config(shapes, published["unet"], "x") == published["unet"]
    # Also where the start says something else of all that shapes show.
    start = {**published["unet"], **dict.fromkeys(("in_channels", "cross_attention_dim"), 1)}
    start |= {"block_out_channels": [1], "layers_per_block": 9, "down_block_types": []}
    assert unet_config(shapes, start, "x") == published["unet"]
    names = original_layout.vae(vae.state_dict(), 4, lambda t: t[:, :, None, None])
    shapes = {name: tuple(tensor.shape) for name, tensor in names.items()}
    assert vae_config(shapes, published["vae"], "x") == published["vae"]


@pytest.mark.parametrize(
    "changed",
    [
        {  # as SSD-1B is pruned
            "transformer_layers_per_block": [1, 2, 4],
            "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1],
            "mid_block_type": "UNetMidBlock2D",
        },
        {"transformer_layers_per_block": [1, 2, 4], "mid_block_type": None},
        {"transformer_layers_per_block": [1, [2, 1], 4]}
        | {"reverse_transformer_layers_per_block": [4, [2, 1, 1], 1]},
        {"transformer_layers_per_block": [1, 1, 1], "layers_per_block": 1},
    ],
)
def test_pruned_unets_show_in_their_shapes(changed: dict[str, Any]) -> None:
    """Other depths of attention, on the way up too, and another or no middle."""
    three: dict[str, Any] = {
        "block_out_channels": [64, 128, 128],
        "attention_head_dim": [1, 2, 2],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "layers_per_block": 2,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
    }
    published = read_kind("sdxl")["unet"]
    config = published | tiny_unet("sdxl", 4) | three | changed
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(config)
    named = original_layout.unet(unet.state_dict(), config["layers_per_block"])
    found = unet_config({k: tuple(v.shape) for k, v in named.items()}, published, "x")
    assert {key: found[key] for key in three | changed} == three | changed
    found["addition_time_embed_dim"] = config["addition_time_embed_dim"]
    require_exact("diffusers", "UNet2DConditionModel", found, original_unet(named, found), "x")


@pytest.mark.parametrize(("kind", "part"), [("sd1", "text_encoder"), ("sdxl", "text_encoder_2")])
def test_shapes_of_the_published_text_encoders(kind: str, part: str) -> None:
    from transformers import CLIPTextModelWithProjection

    config = read_kind(kind)[part]
    with torch.device("meta"):
        made = (CLIPTextModel if part == "text_encoder" else CLIPTextModelWithProjection)(
            CLIPTextConfig(**config)
        )
    state = made.state_dict()
    if part == "text_encoder":
        shapes = {k.removeprefix("text_model."): tuple(v.shape) for k, v in state.items()}
        assert clip_config(shapes, config, "x") == config
    else:
        joined = original_layout.open_clip(state)
        shapes = {name: tuple(tensor.shape) for name, tensor in joined.items()}
        assert open_clip_config(shapes, config, "x") == config


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_file_becomes_the_same_weights(kind: str, tmp_path: Path) -> None:
    modules = tiny_modules(kind)
    file = save_original(tmp_path / "m.safetensors", kind, modules, dtype=torch.float16)
    with ExitStack() as stack:
        assert kind_of(open_tensors([file], stack).shapes) == kind
    with overlaid(file, changes_for(kind)) as folder:
        assert folder.name == "m"
        index = json.loads((folder / "model_index.json").read_text())
        assert index["_class_name"] == read_kind(kind)["model_index"]["_class_name"]
        for part, module in modules.items():
            expected = {k: v.half() for k, v in module.state_dict().items()}
            (path,) = (folder / part).glob("*.safetensors")
            found = load_file(path)
            assert found.keys() == expected.keys()
            assert all(torch.equal(found[k], v) for k, v in expected.items())
            config = json.loads((folder / part / "config.json").read_text())
            own = module.config if part in ("unet", "vae") else module.config.to_dict()
            said = {**json.loads(json.dumps({**own})), **SAID_OF_KIND}
            assert {k: v for k, v in config.items() if k not in SAID_OF_KIND} == {
                k: said[k] for k in config if k not in SAID_OF_KIND
            }
        # The library itself reads the folder, all of it.
        made = DiffusionPipeline.from_pretrained(folder, local_files_only=True)
        assert type(made).__name__ == index["_class_name"]
    assert not folder.exists()


def test_a_tiny_single_file_is_anchored(tmp_path: Path) -> None:
    """Our run of it equals the library's own, prompt to picture."""
    from export.check import anchor_rows

    file = save_original(tmp_path / "sd.safetensors", "sd1", tiny_modules("sd1", sample_size=16))
    with overlaid(file, Changes(size=(32, 32))) as folder:
        pipeline = components.load(folder)
        recording = components.record(pipeline, seed=3)
        (row,) = anchor_rows(pipeline, recording, pipeline.component("decoder").outputs)
        assert row.passed, row


def test_the_tokenizer_is_clips(tmp_path: Path) -> None:
    file = save_original(tmp_path / "xl.safetensors", "sdxl", tiny_modules("sdxl"))
    with overlaid(file, NOTHING) as folder:
        for name, pad in (("tokenizer", 49407), ("tokenizer_2", 0)):
            tokenizer = CLIPTokenizer.from_pretrained(folder / name)
            ids = tokenizer("a photo of a cat", padding="max_length").input_ids
            # As OpenAI's and transformers' documentation give them.
            assert ids[:7] == [49406, 320, 1125, 539, 320, 2368, 49407]
            assert len(ids) == 77
            assert set(ids[7:]) == {pad}
            words = tokenizer("Größe, naïve café #1: it's 2x!", add_special_tokens=False)
            assert tokenizer.decode(words.input_ids) == "größe , naïve café # 1 : it 's 2 x !"


@pytest.mark.parametrize(
    ("kind", "name"),
    [("sd1", "StableDiffusionInpaintPipeline"), ("sdxl", "StableDiffusionXLInpaintPipeline")],
)
def test_inpainting_shows_in_the_channels(kind: str, name: str, tmp_path: Path) -> None:
    file = save_original(tmp_path / "i.safetensors", kind, tiny_modules(kind, channels=9))
    with overlaid(file, NOTHING) as folder:
        assert json.loads((folder / "model_index.json").read_text())["_class_name"] == name


def test_a_consistency_model_shows_in_its_guidance_embedding(tmp_path: Path) -> None:
    modules = tiny_modules("sd1", time_cond_proj_dim=8)
    with overlaid(save_original(tmp_path / "l.safetensors", "sd1", modules), NOTHING) as folder:
        index = json.loads((folder / "model_index.json").read_text())
        assert index["_class_name"] == "LatentConsistencyModelPipeline"
        assert index["scheduler"] == ["diffusers", "LCMScheduler"]
        assert json.loads((folder / "unet/config.json").read_text())["time_cond_proj_dim"] == 8


@pytest.mark.parametrize(
    ("metadata", "extra", "prediction", "size"),
    [
        ({"modelspec.prediction_type": "v"}, {}, "v_prediction", 96),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, {}, "v_prediction", 96),
        ({"modelspec.architecture": "stable-diffusion-v2-512"}, {}, "epsilon", 64),
        ({}, {"v_pred": torch.zeros(0)}, "v_prediction", 96),
        ({}, {"global_step": torch.tensor(875_000)}, "epsilon", 64),
        ({}, {"global_step": torch.tensor(110_000)}, "v_prediction", 96),
    ],
)
def test_what_stable_diffusion_2_predicts(
    metadata: dict[str, str],
    extra: dict[str, torch.Tensor],
    prediction: str,
    size: int,
    tmp_path: Path,
) -> None:
    state = original_state("sd2", tiny_modules("sd2")) | extra
    save_file(state, tmp_path / "v2.safetensors", metadata)
    with overlaid(tmp_path / "v2.safetensors", NOTHING) as folder:
        scheduler = json.loads((folder / "scheduler/scheduler_config.json").read_text())
        assert scheduler["prediction_type"] == prediction
        assert json.loads((folder / "unet/config.json").read_text())["sample_size"] == size


def test_what_weights_do_not_show_is_asked_for(tmp_path: Path) -> None:
    file = save_original(tmp_path / "v2.safetensors", "sd2", tiny_modules("sd2"))
    with pytest.raises(CheckpointError, match=r"--prediction v_prediction .*768"):
        refused(file)


def test_zero_terminal_snr_is_marked(tmp_path: Path) -> None:
    marks = {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    save_file(original_state("sdxl", tiny_modules("sdxl")) | marks, tmp_path / "x.safetensors")
    with overlaid(tmp_path / "x.safetensors", NOTHING) as folder:
        config = json.loads((folder / "scheduler/scheduler_config.json").read_text())
        assert config["prediction_type"] == "v_prediction"
        assert config["rescale_betas_zero_snr"] and config["timestep_spacing"] == "trailing"


def test_one_file_has_one_fingerprint_and_says_what_it_was(tmp_path: Path) -> None:
    about = {"modelspec.license": "CreativeML Open RAIL-M"}
    modules = tiny_modules("sd1")
    file = save_original(tmp_path / "sd.safetensors", "sd1", modules, metadata=about)
    found = []
    for _ in range(2):
        with overlaid(file, NOTHING) as folder:
            found.append(components.fingerprint(folder))
            record = overlay_of(folder)
            assert licence_of(folder) == "CreativeML Open RAIL-M"
            assert record is not None
            assert [change.value for change in record.changes] == ["sd.safetensors"]
            assert record.base == record.changes[0].sha256
    assert found[0] == found[1]


def refused(file: Path) -> str:
    with pytest.raises(CheckpointError) as caught, overlaid(file, NOTHING):
        pass
    assert "\n" not in str(caught.value)
    raise caught.value


def spoiled(
    kind: str, file: Path, change: dict[str, torch.Tensor], *drop: str, **options: Any
) -> Path:
    state = original_state(kind, tiny_modules(kind, **options)) | change
    save_file({k: v for k, v in state.items() if not k.startswith(drop or ("\0",))}, file)
    return file


def test_what_fits_no_configuration_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    unet, text = "model.diffusion_model.", TEXT["sd1"]["text_encoder"]
    for change, drop, words in (
        ({}, f"{unet}out.0", "its unet lacks weights: conv_norm_out"),
        ({f"{unet}input_blocks.1.0.odd.weight": torch.ones(1)}, "\0", "m.safetensors: its unet"),
        ({}, f"{unet}out.2", "lacks out.2.weight"),
        ({}, f"{unet}input_blocks.1.", "m.safetensors lacks input_blocks.1.0.out_layers"),
        ({}, "first_stage_model.encoder.conv_in", "its VAE lacks encoder.conv_in.weight"),
        ({}, f"{text}text_model.encoder.layers.1.mlp", "its text_encoder lacks weights"),
        ({}, text, "UNet, one part"),
    ):
        spoiled("sd1", file, change, drop)
        with pytest.raises(CheckpointError, match=r"m\.safetensors") as caught:
            refused(file)
        if drop != text:
            assert words in str(caught.value)
    token = f"{text}text_model.embeddings.token_embedding.weight"
    with pytest.raises(CheckpointError, match="knows 49409 tokens, expected the 49408 of CLIP"):
        refused(spoiled("sd1", file, {token: torch.zeros(49409, 64)}))
    with pytest.raises(CheckpointError, match="UNet with 8 channels, expected 4, or 9"):
        refused(spoiled("sd1", file, {}, channels=8))
    with pytest.raises(CheckpointError, match=r"\[96, 192\] channels, expected multiples of 64"):
        wide = {"block_out_channels": [96, 192], "attention_head_dim": [1, 2]}
        refused(spoiled("sdxl", file, {}, **wide))


def test_what_is_no_single_file(tmp_path: Path) -> None:
    (tmp_path / "page.safetensors").write_text("<!DOCTYPE html>")
    with pytest.raises(CheckpointError, match="a web page"):
        refused(tmp_path / "page.safetensors")
    save_file({"lora_unet_x.lora_up.weight": torch.zeros(1)}, tmp_path / "l.safetensors")
    with pytest.raises(CheckpointError, match=r"an adapter \(LoRA\).*with --lora l\."):
        refused(tmp_path / "l.safetensors")
    torch.save({"a": torch.zeros(1)}, tmp_path / "m.ckpt")
    with pytest.raises(CheckpointError, match="pickled weights"):
        refused(tmp_path / "m.ckpt")


def test_weights_are_copied_one_at_a_time(tmp_path: Path) -> None:
    """Nothing of a part's size is allocated in Python while it is unpacked."""
    file = save_original(tmp_path / "sd.safetensors", "sd1", tiny_modules("sd1"))
    with overlaid(file, NOTHING):
        pass  # imports are done
    tracemalloc.start()
    with overlaid(file, NOTHING):
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6  # vocabulary and merges as text; weights are PyTorch's, and mapped
