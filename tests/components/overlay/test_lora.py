"""LoRAs: fused as diffusers itself fuses them, and refused where they are another model's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file, save_file

import components
from components import ComponentsError
from components.overlay import Changes, Lora, overlaid, overlay_of
from components.overlay.lora import lora_file
from tests.components.overlay.adapters import pairs, save_kohya, save_peft

PARTS = ("unet", "text_encoder", "text_encoder_2")


def networks(checkpoint: Path) -> dict[str, Any]:
    pipeline = DiffusionPipeline.from_pretrained(checkpoint, safety_checker=None)
    return {part: getattr(pipeline, part) for part in PARTS if hasattr(pipeline, part)}


def fused_by_diffusers(checkpoint: Path, loras: tuple[Lora, ...]) -> dict[str, Any]:
    """The weights after diffusers' own pipeline has loaded and fused each LoRA."""
    pipeline = DiffusionPipeline.from_pretrained(checkpoint, safety_checker=None)
    for lora in loras:
        file = lora_file(lora.file)
        pipeline.load_lora_weights(str(file.parent), weight_name=file.name)
        pipeline.fuse_lora(lora_scale=lora.strength)
        pipeline.unload_lora_weights()
    return {part: getattr(pipeline, part).state_dict() for part in PARTS if hasattr(pipeline, part)}


def require_equal(checkpoint: Path, loras: tuple[Lora, ...]) -> None:
    expected, before = fused_by_diffusers(checkpoint, loras), fused_by_diffusers(checkpoint, ())
    with overlaid(checkpoint, Changes(loras=loras)) as folder:
        for part, state in expected.items():
            (file,) = (folder / part).glob("*.safetensors")
            found = load_file(file)
            assert found.keys() == state.keys()
            assert all(torch.equal(found[k], v) for k, v in state.items())
            assert not all(torch.equal(found[k], before[part][k]) for k in state)
        assert all(path.is_symlink() for path in (folder / "vae").iterdir())


@pytest.mark.parametrize("save", [save_peft, save_kohya])
def test_fused_as_diffusers_does(
    sd_checkpoint: Path, tmp_path: Path, save: Callable[..., Path]
) -> None:
    file = save(tmp_path / "a.safetensors", pairs(networks(sd_checkpoint), seed=1))
    require_equal(sd_checkpoint, (Lora(file=file, strength=0.7),))


@pytest.mark.parametrize("large", [False, True])
def test_several_in_order_of_both_formats(
    sd_checkpoint: Path, xl_checkpoint: Path, tmp_path: Path, large: bool
) -> None:
    checkpoint = xl_checkpoint if large else sd_checkpoint
    modules = networks(checkpoint)
    one = save_kohya(tmp_path / "one.safetensors", pairs(modules, seed=1), large=large)
    other = pairs(modules, seed=2, rank=5, targets=r"\.(to_v|q_proj)$")
    two = save_peft(tmp_path / "two.safetensors", other)
    require_equal(checkpoint, (Lora(file=one), Lora(file=two, strength=-0.5)))


def test_each_module_has_its_own_rank_and_alpha(sd_checkpoint: Path, tmp_path: Path) -> None:
    """Law: W + strength · alpha / rank · up @ down, also where diffusers takes one alpha for all.

    Files that `resize_lora.py` of kohya's scripts wrote are such ones.
    """
    modules = networks(sd_checkpoint)
    changed = pairs(modules, seed=1, rank=2, targets=r"\.(to_q|q_proj)$")
    changed |= pairs(modules, seed=2, rank=4, targets=r"\.(to_k|conv1|k_proj)$")
    alphas = {name: 1.0 + index for index, name in enumerate(changed)}
    file = save_kohya(tmp_path / "a.safetensors", changed, alphas=alphas.__getitem__)
    with overlaid(sd_checkpoint, Changes(loras=(Lora(file=file, strength=0.5),))) as folder:
        for part, model in modules.items():
            found = load_file(next((folder / part).glob("*.safetensors")))
            for name, before in model.state_dict().items():
                module = f"{part}.{name.removesuffix('.weight')}"
                expected = before.double()
                if module in changed and name.endswith(".weight"):
                    down, up = (matrix.double() for matrix in changed[module])
                    update = torch.einsum("or...,ri...->oi...", up, down)
                    expected = expected + 0.5 * alphas[module] / down.shape[0] * update
                assert torch.allclose(found[name].double(), expected, rtol=0, atol=1e-6)


def test_a_reload_of_what_diffusers_saves(sd_checkpoint: Path, tmp_path: Path) -> None:
    """With metadata of peft: its alpha differs from its rank, and is scaled by the rank's root."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipeline = DiffusionPipeline.from_pretrained(sd_checkpoint, safety_checker=None)
    config = LoraConfig(r=4, lora_alpha=2, use_rslora=True, target_modules=["to_q", "to_v"])
    pipeline.unet.add_adapter(config)
    for name, parameter in pipeline.unet.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    type(pipeline).save_lora_weights(
        tmp_path,
        unet_lora_layers=get_peft_model_state_dict(pipeline.unet),
        unet_lora_adapter_metadata=pipeline.unet.peft_config["default"].to_dict(),
    )
    expected = fused_by_diffusers(sd_checkpoint, (Lora(file=tmp_path),))["unet"]
    with overlaid(sd_checkpoint, Changes(loras=(Lora(file=tmp_path),))) as folder:
        found = load_file(next((folder / "unet").glob("*.safetensors")))
        assert all(torch.equal(found[key], value) for key, value in expected.items())
        assert all(path.is_symlink() for path in (folder / "text_encoder").iterdir())


def test_weights_keep_their_types_and_shards_become_one_file(
    sd_checkpoint: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half"
    pipeline = DiffusionPipeline.from_pretrained(
        sd_checkpoint, safety_checker=None, torch_dtype=torch.float16
    )
    pipeline.save_pretrained(half, variant="fp16", max_shard_size="200KB")
    file = save_peft(tmp_path / "a.safetensors", pairs(networks(sd_checkpoint), seed=1))
    with overlaid(half, Changes(loras=(Lora(file=file),))) as folder:
        for part in ("unet", "text_encoder"):
            (path,) = (folder / part).glob("*.safetensors*")
            assert {tensor.dtype for tensor in load_file(path).values()} == {torch.float16}
        components.load(folder).component("unet")


def test_the_same_inputs_have_one_fingerprint_and_are_recorded(
    sd_checkpoint: Path, tmp_path: Path
) -> None:
    changed = pairs(networks(sd_checkpoint), seed=1, targets=r"\.to_q$")
    loras = (Lora(file=save_peft(tmp_path / "a.safetensors", changed), strength=0.5),)
    before, found = components.fingerprint(sd_checkpoint), []
    for _ in range(2):
        with overlaid(sd_checkpoint, Changes(loras=loras)) as folder:
            found.append(components.fingerprint(folder))
            record = overlay_of(folder)
            assert record is not None and record.base == before
            (change,) = record.changes
            assert (change.what, change.value, change.strength) == ("lora", "a.safetensors", 0.5)
            assert str(folder) not in (folder / "overlay.json").read_text()
    assert found[0] == found[1] != before
    assert components.fingerprint(sd_checkpoint) == before


def refused(checkpoint: Path, file: Path) -> str:
    with (
        pytest.raises(ComponentsError) as caught,
        overlaid(checkpoint, Changes(loras=(Lora(file=file),))),
    ):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_lora_of_another_model_is_one_line(
    sd_checkpoint: Path, xl_checkpoint: Path, avatar_checkpoint: Path, tmp_path: Path
) -> None:
    file = save_kohya(
        tmp_path / "xl.safetensors", pairs(networks(xl_checkpoint), seed=1), large=True
    )
    message = refused(sd_checkpoint, file)
    assert "xl.safetensors" in message and "StableDiffusionPipeline" in message
    own = pairs(networks(sd_checkpoint), seed=1)
    file = save_peft(tmp_path / "sd.safetensors", own)
    message = refused(xl_checkpoint, file)
    assert "sd.safetensors is of another model: it changes down_blocks" in message
    assert "expected 64×64×3×3 as this StableDiffusionXLPipeline's unet has" in message
    assert "without unet" in refused(avatar_checkpoint, file)
    own["unet.nowhere.to_q"] = (torch.ones(3, 8), torch.ones(8, 3))
    message = refused(sd_checkpoint, save_peft(tmp_path / "more.safetensors", own))
    assert "it changes nowhere.to_q.weight, which this" in message
    del own["unet.nowhere.to_q"]
    file = save_peft(tmp_path / "half.safetensors", own)
    state = load_file(file)
    state.pop(next(name for name in state if ".lora_B." in name))
    save_file(state, file)
    assert "expected two matrices for each module" in refused(sd_checkpoint, file)
    stray = {"transformer.blocks.0": (torch.ones(3, 8), torch.ones(8, 3))}
    save_peft(tmp_path / "flux.safetensors", stray)
    assert "expected parts of this" in refused(sd_checkpoint, tmp_path / "flux.safetensors")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("lora_unet_a.hada_w1_a", "LoHa"),
        ("lora_unet_a.lokr_w1", "LoKr"),
        ("lora_unet_a.dora_scale", "DoRA"),
        ("lora_unet_a.lora_mid.weight", "Tucker"),
        ("unet.weight", "holds unet.weight, expected the weights of a LoRA"),
    ],
)
def test_other_adapters_are_named(
    sd_checkpoint: Path, tmp_path: Path, name: str, word: str
) -> None:
    save_file({name: torch.ones(3, 3)}, tmp_path / "other.safetensors")
    assert word in refused(sd_checkpoint, tmp_path / "other.safetensors")


def test_what_is_no_file_of_a_lora(sd_checkpoint: Path, tmp_path: Path) -> None:
    assert "there is no file" in refused(sd_checkpoint, tmp_path / "none.safetensors")
    torch.save({"a": torch.zeros(1)}, tmp_path / "old.pt")
    assert "pickled weights" in refused(sd_checkpoint, tmp_path / "old.pt")
    (tmp_path / "folder").mkdir()
    assert "pytorch_lora_weights.safetensors" in refused(sd_checkpoint, tmp_path / "folder")
    (tmp_path / "page.safetensors").write_text(json.dumps({}))
    assert "expected a safetensors file" in refused(sd_checkpoint, tmp_path / "page.safetensors")
