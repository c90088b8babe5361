"""Weights of diffusers and transformers under the names of the original Stable Diffusion.

This is the inverse of what the overlay does, written from the original code's own structure
(`openaimodel.UNetModel`, `model.Encoder`, OpenCLIP's `Transformer`). Values may be tensors or
shapes: only where OpenCLIP joins three matrices they are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch

_UNET = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "time_embedding.cond_proj": "time_embed.cond_proj",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_ATTENTION = {"to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out", "group_norm": "norm"}


def unet(state: Mapping[str, Any], layers: int) -> dict[str, Any]:
    """A UNet's weights; `layers` is its `layers_per_block`."""
    attended = {name.split(".attentions")[0] for name in state if ".attentions." in name}

    def renamed(name: str) -> str:
        module, _, last = name.rpartition(".")
        if module in _UNET:
            return f"{_UNET[module]}.{last}"
        if found := re.match(r"down_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.+)", name):
            place = 1 + int(found[1]) * (layers + 1) + int(found[3])
            return f"input_blocks.{place}.{_inside(found[2], found[4])}"
        if found := re.match(r"down_blocks\.(\d+)\.downsamplers\.0\.conv\.(.+)", name):
            return f"input_blocks.{(int(found[1]) + 1) * (layers + 1)}.0.op.{found[2]}"
        if found := re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)", name):
            place = 1 if found[1] == "attentions" else 2 * int(found[2])
            return f"middle_block.{place}.{_inside(found[1], found[3])[2:]}"
        if found := re.match(r"up_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.+)", name):
            place = int(found[1]) * (layers + 1) + int(found[3])
            return f"output_blocks.{place}.{_inside(found[2], found[4])}"
        found = re.match(r"(up_blocks\.(\d+))\.upsamplers\.0\.conv\.(.+)", name)
        assert found, name
        place = int(found[2]) * (layers + 1) + layers
        return f"output_blocks.{place}.{2 if found[1] in attended else 1}.conv.{found[3]}"

    return {renamed(name): value for name, value in state.items()}


def _inside(group: str, name: str) -> str:
    if group == "attentions":
        return f"1.{name}"
    module, _, last = name.rpartition(".")
    return f"0.{_RESNET[module]}.{last}"


def vae(
    state: Mapping[str, Any], levels: int, as_convolution: Callable[[Any], Any]
) -> dict[str, Any]:
    """A VAE's weights; attention there is made of convolutions of one pixel."""
    made = {}
    for name, value in state.items():
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        name = name.replace("mid_block.attentions.0", "mid.attn_1")
        name = re.sub(r"down_blocks\.(\d+)\.resnets", r"down.\1.block", name)
        name = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", name)
        for pattern, new in ((r"resnets", "block"), (r"upsamplers\.0", "upsample")):
            name = re.sub(
                rf"up_blocks\.(\d+)\.{pattern}",
                lambda m, new=new: f"up.{levels - 1 - int(m[1])}.{new}",
                name,
            )
        name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        if ".attn_1." in name:
            for old, new in _ATTENTION.items():
                name = name.replace(f".{old}.", f".{new}.")
            if name.endswith("weight") and ".norm." not in name:
                value = as_convolution(value)
        made[name] = value
    return made


def open_clip(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A text encoder's weights as OpenCLIP has them: queries, keys and values in one matrix."""
    names = {
        "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
        "text_model.embeddings.position_embedding.weight": "positional_embedding",
        "text_model.final_layer_norm.weight": "ln_final.weight",
        "text_model.final_layer_norm.bias": "ln_final.bias",
    }
    layer = {
        "layer_norm1": "ln_1",
        "layer_norm2": "ln_2",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
        "self_attn.out_proj": "attn.out_proj",
    }
    made = {}
    for name, value in state.items():
        if name in names:
            made[names[name]] = value
        elif name == "text_projection.weight":
            made["text_projection"] = value.T.contiguous()
        elif found := re.match(r"text_model\.encoder\.layers\.(\d+)\.(.+)\.(\w+)$", name):
            block, module, last = f"transformer.resblocks.{found[1]}", found[2], found[3]
            if module in layer:
                made[f"{block}.{layer[module]}.{last}"] = value
            elif module == "self_attn.q_proj":
                three = [state[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
                made[f"{block}.attn.in_proj_{last}"] = torch.cat(three)
    return made
