"""An IP-Adapter's file (arXiv 2308.06721), and a UNet that is given it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders import IPAdapterMixin
from torch import Tensor, nn

from components.adapted.styled_denoiser import bake_scales
from components.checkpoint import understood
from components.declared import reports_instead_of_warnings
from components.errors import AssemblyError
from components.foreign import described
from components.overlay.tensors import open_tensors
from components.weights import some

_GROUPS = ("image_proj", "ip_adapter")
_OF_BASES = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 2048: "Stable Diffusion XL"}
"""For each width of text, whose UNets read it."""
_LORA = ("to_q_lora", "to_k_lora", "to_v_lora", "to_out_lora")
"""Updates of attention that FaceID's adapters bring along."""


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """What a file holds.

    Attributes:
        file: Where it came from.
        projection: Weights of the projection, under the names that the file has.
        attention: Weights of attention: `INDEX.to_k_ip.weight` and so on, where INDEX counts all
            attentions of a UNet.
    """

    file: Path
    projection: Mapping[str, Tensor]
    attention: Mapping[str, Tensor]

    @property
    def kind(self) -> str:
        """diffusers' class of its projection."""
        return _kind(self.projection) or ""

    @property
    def reads(self) -> int:
        """Width of what it reads of a picture."""
        width = {
            "ImageProjection": lambda held: held["proj.weight"],
            "IPAdapterFaceIDImageProjection": lambda held: held["proj.0.weight"],
            "IPAdapterFullImageProjection": lambda held: held["proj.0.weight"],
            "IPAdapterPlusImageProjection": lambda held: held["proj_in.weight"],
        }[self.kind](self.projection)
        return int(width.shape[1])


def read_adapter(file: Path) -> Adapter:
    """Read an IP-Adapter.

    Raises:
        AssemblyError: The file holds none that can be assembled.
        CheckpointError: It is not a whole safetensors file.
    """
    if not file.is_file():
        raise AssemblyError(f"adapter: there is no file {file}, expected an IP-Adapter")
    if file.suffix != ".safetensors":
        raise AssemblyError(
            f"adapter: {file} is {described(file)}, expected a safetensors file, because opening "
            f"pickled ones runs their code; publishers of adapters have both"
        )
    held: dict[str, dict[str, Tensor]] = {group: {} for group in _GROUPS}
    with ExitStack() as stack:
        for name, tensor in open_tensors([file], stack).items():
            group, _, rest = name.partition(".")
            if group not in held:
                raise AssemblyError(
                    f"adapter: {file} holds {name}, expected image_proj.… and ip_adapter.… as an "
                    f"IP-Adapter has"
                )
            held[group][rest] = tensor.clone()
    adapter = Adapter(file=file, projection=held["image_proj"], attention=held["ip_adapter"])
    if not adapter.kind:
        raise AssemblyError(
            f"adapter: {file} has a projection of {some(adapter.projection) or 'nothing'}, "
            f"expected that of a plain, Plus, full-face or FaceID adapter; FaceID Plus reads two "
            f"networks, which no identity encoder has"
        )
    return adapter


def _kind(projection: Mapping[str, Tensor]) -> str | None:
    for name, kind in (
        ("proj.weight", "ImageProjection"),
        ("proj.3.weight", "IPAdapterFullImageProjection"),
        ("perceiver_resampler.proj_in.weight", None),
        ("norm.weight", "IPAdapterFaceIDImageProjection"),
        ("latents", "IPAdapterPlusImageProjection"),
    ):
        if name in projection:
            return kind
    return None


def install(
    adapter: Adapter, unet: UNet2DConditionModel, scale: Any
) -> tuple[nn.Module, list[str]]:
    """Give a UNet an adapter, with its scales in the weights.

    Args:
        adapter: The adapter.
        unet: In float32.
        scale: As diffusers' `set_ip_adapter_scale` takes it.

    Returns:
        The projection of image features to tokens, and the names of the attentions that look at
        them.

    Raises:
        AssemblyError: The adapter is of another base, or the scale names no block of this one.
    """
    _require_fitting(adapter, unet)
    plain = {name: t for name, t in adapter.attention.items() if not _lora(name)}
    state = {"image_proj": dict(adapter.projection), "ip_adapter": plain}
    with understood(adapter.file), reports_instead_of_warnings():
        unet._load_ip_adapter_weights([state], low_cpu_mem_usage=False)
    _fuse_lora(adapter, unet)
    _set_scale(unet, scale)
    (projection,) = unet.encoder_hid_proj.image_projection_layers
    unet.encoder_hid_proj = None
    return projection.float().eval(), bake_scales(unet.float())


def _lora(name: str) -> bool:
    return name.split(".")[1] in _LORA if name.count(".") > 1 else False


def _require_fitting(adapter: Adapter, unet: UNet2DConditionModel) -> None:
    """Raise `AssemblyError` unless an adapter was trained for a UNet of these widths."""
    crossing = {
        f"{index}.to_{letter}_ip.weight": _attention(unet, name)
        for index, name in enumerate(unet.attn_processors)
        if name.endswith("attn2.processor")
        for letter in "kv"
    }
    found = {name: t for name, t in adapter.attention.items() if not _lora(name)}
    width = unet.config.cross_attention_dim
    for name, tensor in found.items():
        expected = (crossing[name].to_k.out_features, width) if name in crossing else None
        if tuple(tensor.shape) == expected:
            continue
        if expected is None:
            raise AssemblyError(
                f"adapter: {adapter.file} is of another base: it has {name}, expected "
                f"{len(crossing) // 2} attentions as this base's UNet has"
            )
        kind = _OF_BASES.get(int(tensor.shape[-1]))
        hint = (
            f"; adapters of that width are of {kind}"
            if kind and kind != _OF_BASES.get(width)
            else ""
        )
        raise AssemblyError(
            f"adapter: {adapter.file} is of another base: its {name} is {_shown(tensor.shape)}, "
            f"expected {_shown(expected)} as this base's UNet has{hint}"
        )
    if lacking := crossing.keys() - found.keys():
        raise AssemblyError(
            f"adapter: {adapter.file} is of another base: it lacks {some(lacking)}, expected "
            f"{len(crossing) // 2} attentions as this base's UNet has"
        )


def _shown(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _attention(unet: Any, processor: str) -> Any:
    return unet.get_submodule(processor.removesuffix(".processor"))


def _fuse_lora(adapter: Adapter, unet: UNet2DConditionModel) -> None:
    """Add the updates of attention that FaceID's adapters bring along: `W += up @ down`."""
    known: dict[str, Any] = {}
    for index, name in enumerate(unet.attn_processors):
        attention = _attention(unet, name)
        layers = (attention.to_q, attention.to_k, attention.to_v, attention.to_out[0])
        known |= {f"{index}.{lora}": layer for lora, layer in zip(_LORA, layers, strict=True)}
    for name in filter(_lora, adapter.attention):
        module, side = name.rsplit(".", 2)[0], name.rsplit(".", 2)[1]
        up = adapter.attention.get(f"{module}.up.weight")
        if module not in known or up is None:
            raise AssemblyError(
                f"adapter: {adapter.file} is of another base: it changes {module}, expected "
                f"updates of {len(unet.attn_processors)} attentions, each as up and down"
            )
        if side != "down":
            continue
        with torch.no_grad(), understood(adapter.file):
            known[module].weight += up.float() @ adapter.attention[name].float()


def _set_scale(unet: UNet2DConditionModel, scale: Any) -> None:
    holder = IPAdapterMixin()
    holder.unet = unet
    blocks = _blocks(unet)
    try:
        if isinstance(scale, dict):
            _require_blocks(scale, blocks)
        holder.set_ip_adapter_scale(scale)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise AssemblyError(
            f"adapter.scale is {str(scale)[:80]}, expected a number, or numbers for some of "
            f"{', '.join(blocks)}: {reason}"
        ) from None


def _blocks(unet: Any) -> list[str]:
    """The blocks of a UNet that have attention, as `set_ip_adapter_scale` calls them."""
    sides = {"down": unet.down_blocks, "up": unet.up_blocks}
    found = [
        f"{side}.block_{index}"
        for side, blocks in sides.items()
        for index, block in enumerate(blocks)
        if hasattr(block, "attentions")
    ]
    return [*found, "mid"]


def _require_blocks(scale: Mapping[str, Any], blocks: Sequence[str]) -> None:
    """Raise `ValueError` where a scale is for a block that is not there: diffusers ignores it."""
    for side, value in scale.items():
        inner = [f"{side}.{name}" for name in value] if isinstance(value, dict) else [side]
        for name in inner:
            if name not in blocks and not any(block.startswith(f"{name}.") for block in blocks):
                raise ValueError(f"there is no {name}")


def projection_options(projection: nn.Module) -> dict[str, Any]:
    """The class of a projection and what it was made with, from its layers."""
    layers: Any = projection
    kind = type(projection).__name__
    if kind == "ImageProjection":
        count, linear = layers.num_image_text_embeds, layers.image_embeds
        options = {
            "image_embed_dim": linear.in_features,
            "num_image_text_embeds": count,
            "cross_attention_dim": linear.out_features // count,
        }
    elif kind == "IPAdapterPlusImageProjection":
        first = layers.layers[0].attn
        options = {
            "embed_dims": layers.proj_in.in_features,
            "output_dims": layers.proj_out.out_features,
            "hidden_dims": layers.proj_in.out_features,
            "depth": len(layers.layers),
            "dim_head": first.inner_dim // first.heads,
            "heads": first.heads,
            "num_queries": layers.latents.shape[1],
        }
    elif kind == "IPAdapterFullImageProjection":
        options = {
            "image_embed_dim": layers.ff.net[0].proj.in_features,
            "cross_attention_dim": layers.norm.normalized_shape[0],
        }
    else:
        first = layers.ff.net[0].proj
        options = {
            "image_embed_dim": first.in_features,
            "cross_attention_dim": layers.cross_attention_dim,
            "mult": first.out_features // first.in_features,
            "num_tokens": layers.num_tokens,
        }
    return {"class": kind, **options}
