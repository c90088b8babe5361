"""`python examples/assemble/make_parts.py FOLDER`: parts of an avatar model, tiny and random.

Networks of the real classes with hidden sizes of 32, and adapter and LoRA files named as published
ones are, in a few megabytes; what they draw means nothing. `avatar.toml`, which names them, is
copied beside them.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

HERE = Path(__file__).parent
HIDDEN, EMBEDDING, SIDE, TOKENS = 32, 24, 32, 16
"""Widths of the networks and of CLIP's embeddings, pixels of a selfie, tokens of a prompt."""
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def make_parts(folder: Path, *, adapter: str = "plain", large: bool = False, **unet: Any) -> Path:
    """Write all parts.

    Args:
        folder: Where to; it is made.
        adapter: Kind of the IP-Adapter: `plain`, `plus`, `full` or `faceid`.
        large: Whether the base is a Stable Diffusion XL, with two text encoders.
        unet: Further settings of the UNet.

    Returns:
        The `avatar.toml`.
    """
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    base = _base(folder, large=large, unet=unet)
    base.save_pretrained(folder / "base")
    _listening(clip()).save_pretrained(folder / "clip")
    _listening(tiny_autoencoder()).save_pretrained(folder / "taesd")
    save_file(ip_adapter(base.unet, adapter), folder / "ip-adapter.safetensors")
    save_file(lora(base.unet), folder / "style-lora.safetensors")
    return Path(shutil.copy(HERE / "avatar.toml", folder))


def _base(folder: Path, *, large: bool, unet: dict[str, Any]) -> Any:
    tokenizer = _tokenizer(folder / ".tokenizer")
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        max_position_embeddings=TOKENS,
        projection_dim=HIDDEN,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    parts = {
        "vae": _listening(_autoencoder(0.13025 if large else 0.18215)),
        "text_encoder": _listening(CLIPTextModel(config)),
        "tokenizer": tokenizer,
        "unet": _listening(_unet(large=large, **unet)),
    }
    shutil.rmtree(folder / ".tokenizer")
    if large:
        return StableDiffusionXLPipeline(
            **parts,
            text_encoder_2=_listening(CLIPTextModelWithProjection(config)),
            tokenizer_2=tokenizer,
            scheduler=EulerDiscreteScheduler(**BETAS, timestep_spacing="leading", steps_offset=1),
            add_watermarker=False,
        )
    scheduler = DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    absent = {"safety_checker": None, "feature_extractor": None}
    return StableDiffusionPipeline(
        **parts, **absent, scheduler=scheduler, requires_safety_checker=False
    )


def _unet(*, large: bool, **settings: Any) -> UNet2DConditionModel:
    xl = {
        "cross_attention_dim": 2 * HIDDEN,
        "attention_head_dim": [2, 4],
        "transformer_layers_per_block": [1, 2],
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": HIDDEN + 6 * 8,
    }
    own = xl if large else {"cross_attention_dim": HIDDEN, "attention_head_dim": 8}
    network = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 48),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=8,
        **{**own, **settings},
    )
    with torch.no_grad():  # random networks hardly listen: let text, person and answer count
        network.conv_out.weight.mul_(6)
        for name, weight in network.named_parameters():
            if "attn2.to_v" in name or "attn2.to_out.0.weight" in name or "cond_proj" in name:
                weight.mul_(4)
    return network


def _autoencoder(scale: float) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(32, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=8,
        scaling_factor=scale,
    )


def tiny_autoencoder() -> AutoencoderTiny:
    """An autoencoder of the kind of TAESD."""
    network = AutoencoderTiny(
        encoder_block_out_channels=(32, 32),
        decoder_block_out_channels=(32, 32),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
        latent_channels=4,
    )
    with torch.no_grad():  # most of its pictures are neither black nor white
        network.decoder.layers[-1].weight.mul_(0.5)
        network.decoder.layers[-1].bias.add_(0.5)
    return network


def clip(width: int = HIDDEN, side: int = SIDE) -> CLIPVisionModelWithProjection:
    """CLIP's image encoder for selfies of `side`×`side` pixels."""
    config = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=37,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=side,
        patch_size=8,
        projection_dim=EMBEDDING,
    )
    return CLIPVisionModelWithProjection(config)


def _listening(network: Any) -> Any:
    """Let a network be as after training: no biases of 0, and no scales of 1."""
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim == 1 and weight.std() == 0:
                weight.add_(torch.randn_like(weight) * 0.1)
    return network.eval()


def ip_adapter(unet: UNet2DConditionModel, kind: str) -> dict[str, Tensor]:
    """An IP-Adapter under the names of the published files."""
    width = unet.config.cross_attention_dim
    made = {f"image_proj.{name}": value for name, value in _PROJECTIONS[kind](width).items()}
    made |= attention(unet)
    if kind == "faceid":  # its files bring updates of attention along
        for index, name in enumerate(unet.attn_processors):
            module = unet.get_submodule(name.removesuffix(".processor"))
            layers = {"q": module.to_q, "k": module.to_k, "v": module.to_v}
            for letter, layer in {**layers, "out": module.to_out[0]}.items():
                outputs, inputs = layer.weight.shape
                at = f"ip_adapter.{index}.to_{letter}_lora"
                made |= {f"{at}.down.weight": _random(2, inputs)}
                made |= {f"{at}.up.weight": 0.1 * _random(outputs, 2)}
    return made


def attention(unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """An IP-Adapter's weights of attention, for a UNet of these widths."""
    width, made = unet.config.cross_attention_dim, {}
    crossing = [
        (index, unet.get_submodule(name.removesuffix(".processor")).to_k.out_features)
        for index, name in enumerate(unet.attn_processors)
        if name.endswith("attn2.processor")
    ]
    for index, outputs in crossing:
        for letter in "kv":
            made[f"ip_adapter.{index}.to_{letter}_ip.weight"] = 2 * _random(outputs, width)
    return made


def _random(*shape: int) -> Tensor:
    return torch.randn(*shape) * shape[-1] ** -0.5


def _linear(name: str, outputs: int, inputs: int) -> dict[str, Tensor]:
    return {f"{name}.weight": _random(outputs, inputs), f"{name}.bias": _random(outputs)}


def _norm(name: str, width: int) -> dict[str, Tensor]:
    return {f"{name}.weight": 1 + 0.1 * _random(width), f"{name}.bias": 0.1 * _random(width)}


def _plain(width: int) -> dict[str, Tensor]:
    return {**_linear("proj", 4 * width, EMBEDDING), **_norm("norm", width)}


def _full(width: int) -> dict[str, Tensor]:
    layers = {**_linear("proj.0", HIDDEN, HIDDEN), **_linear("proj.2", width, HIDDEN)}
    return {**layers, **_norm("proj.3", width)}


def _face_id(width: int) -> dict[str, Tensor]:
    first = _linear("proj.0", 2 * EMBEDDING, EMBEDDING)
    return {**first, **_linear("proj.2", 4 * width, 2 * EMBEDDING), **_norm("norm", width)}


def plus(
    width: int, *, reads: int = HIDDEN, hidden: int = HIDDEN, heads: int = 1, tokens: int = 6
) -> dict[str, Tensor]:
    """A Plus adapter's projection, which reads CLIP's states.

    Args:
        width: Of the tokens that it gives.
        reads: Width of CLIP's states.
        hidden: Width inside.
        heads: Heads of attention, each of width 64, as diffusers counts them.
        tokens: Number of tokens.
    """
    inner = 64 * heads
    made = {
        "latents": _random(1, tokens, hidden),
        **_linear("proj_in", hidden, reads),
        **_linear("proj_out", width, hidden),
        **_norm("norm_out", width),
    }
    for index in range(4):
        at = f"layers.{index}"
        made |= {
            **_norm(f"{at}.0.norm1", hidden),
            **_norm(f"{at}.0.norm2", hidden),
            f"{at}.0.to_q.weight": _random(inner, hidden),
            f"{at}.0.to_kv.weight": _random(2 * inner, hidden),
            f"{at}.0.to_out.weight": _random(hidden, inner),
            **_norm(f"{at}.1.0", hidden),
            f"{at}.1.1.weight": _random(4 * hidden, hidden),
            f"{at}.1.3.weight": _random(hidden, 4 * hidden),
        }
    return made


_PROJECTIONS = {"plain": _plain, "plus": plus, "full": _full, "faceid": _face_id}


def lora(unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """A LoRA of the UNet's attention, named as kohya's scripts name it."""
    made = {}
    for name, layer in unet.named_modules():
        if name.endswith((".to_q", ".to_v")):
            outputs, inputs = layer.weight.shape
            at = f"lora_unet_{name.replace('.', '_')}"
            made[f"{at}.lora_down.weight"] = _random(4, inputs)
            made[f"{at}.lora_up.weight"] = _random(outputs, 4)
            made[f"{at}.alpha"] = torch.tensor(2.0)
    return made


def _tokenizer(folder: Path) -> CLIPTokenizer:
    """A tokenizer of single letters."""
    folder.mkdir()
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{c}</w>" for c in letters)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    files = (str(folder / name) for name in ("vocab.json", "merges.txt"))
    return CLIPTokenizer(*files, model_max_length=TOKENS)


if __name__ == "__main__":
    print(make_parts(Path(sys.argv[1])))
