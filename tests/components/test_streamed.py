from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from components.streamed import load_streamed
from tests.components.tiny import save_tiny_stable_diffusion

KINDS = {"unet": UNet2DConditionModel, "vae": AutoencoderKL}
STEM = "diffusion_pytorch_model"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_stable_diffusion(tmp_path_factory.mktemp("streamed") / "sd")


@pytest.mark.parametrize("part", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shards", [False, True])
def test_it_loads_what_diffusers_loads(
    part: str, dtype: torch.dtype, shards: bool, checkpoint: Path, tmp_path: Path
) -> None:
    module = KINDS[part].from_pretrained(checkpoint, subfolder=part).to(dtype)
    module.save_pretrained(tmp_path, max_shard_size="200KB" if shards else "1GB")
    files = sorted(tmp_path.glob("*.safetensors"))
    assert (len(files) > 1) == shards
    expected, said = KINDS[part].from_pretrained(
        tmp_path, torch_dtype=torch.float32, output_loading_info=True
    )
    found, report = load_streamed(KINDS[part], tmp_path, files)
    assert not found.training and not any(report.values()) and not said["missing_keys"]
    assert found.state_dict().keys() == expected.state_dict().keys()
    for name, tensor in expected.state_dict().items():
        assert found.state_dict()[name].dtype == tensor.dtype == torch.float32
        assert torch.equal(found.state_dict()[name], tensor)


def test_old_names_of_attention_are_understood(checkpoint: Path, tmp_path: Path) -> None:
    config = checkpoint / "vae" / "config.json"
    (tmp_path / "config.json").write_bytes(config.read_bytes())
    new = load_file(checkpoint / "vae" / f"{STEM}.safetensors")
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    old = {}
    for name, tensor in new.items():
        for now, before in names.items():
            name = name.replace(f".{now}.", f".{before}.")
        old[name] = tensor
    assert old.keys() != new.keys()
    save_file(old, path := tmp_path / f"{STEM}.safetensors")
    module, report = load_streamed(AutoencoderKL, tmp_path, [path])
    assert not any(report.values())
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in new.items())


def test_weights_that_do_not_fit_are_reported(checkpoint: Path, tmp_path: Path) -> None:
    config = checkpoint / "unet" / "config.json"
    (tmp_path / "config.json").write_bytes(config.read_bytes())
    state = load_file(checkpoint / "unet" / f"{STEM}.safetensors")
    state["extra"] = state.pop("conv_in.bias")
    state["conv_out.bias"] = torch.zeros(5)
    save_file(state, path := tmp_path / f"{STEM}.safetensors")
    assert load_streamed(UNet2DConditionModel, tmp_path, [path])[1] == {
        "missing_keys": ["conv_in.bias"],
        "unexpected_keys": ["extra"],
        "mismatched_keys": ["conv_out.bias"],
    }
