"""UNets and ControlNets of diffusers: which inputs they take, found from their configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn

from components.component import Component, TensorSpec
from components.errors import CheckpointError

_FURTHER_INPUTS = {
    "class_embed_type": "class labels",
    "num_class_embeds": "class labels",
    "class_embeddings_concat": "class labels",
}
"""Fields that give a UNet an input that no run here has anything to feed with."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a UNet is told beside latents and timestep.

    Attributes:
        text: The joined embeddings of all text encoders, (1,T,D).
        pooled: The pooled text, (1,P); None where no text encoder gives any.
    """

    text: TensorSpec
    pooled: TensorSpec | None = None


class UNet(nn.Module):
    """A UNet with positional arguments, in the order of its component's inputs, and one output."""

    def __init__(self, model: UNet2DConditionModel, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, tuple(names)

    def forward(self, *inputs: Tensor) -> Tensor:
        given = dict(zip(self.names, inputs, strict=True))
        residuals = [given.pop(name) for name in self.names if name.startswith("residual_")]
        arguments = _arguments(given)
        if residuals:
            *down, middle = residuals
            arguments["down_block_additional_residuals"] = tuple(down)
            arguments["mid_block_additional_residual"] = middle
        made: Tensor = self.model(**arguments, return_dict=False)[0]
        return made


class ControlNet(nn.Module):
    """A ControlNet with positional arguments; it returns the residuals of the UNet's blocks."""

    def __init__(self, model: ControlNetModel, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, tuple(names)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(self.names, inputs, strict=True))
        picture = given.pop("control_image")
        down, middle = self.model(**_arguments(given), controlnet_cond=picture, return_dict=False)
        return (*down, middle)


def _arguments(given: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of diffusers' networks for a component's inputs."""
    sample = given["latents"]
    if "mask" in given:
        sample = torch.cat([sample, given["mask"], given["masked_latents"]], dim=1)
    added = {"text_embeds": "pooled_text", "time_ids": "time_ids"}
    arguments: dict[str, Any] = {
        "sample": sample,
        "timestep": given["timestep"],
        "encoder_hidden_states": given["text_embeddings"],
    }
    if "guidance_embedding" in given:
        arguments["timestep_cond"] = given["guidance_embedding"]
    if "pooled_text" in given:
        arguments["added_cond_kwargs"] = {key: given[name] for key, name in added.items()}
    return arguments


def unet_inputs(
    config: Mapping[str, Any],
    latents: TensorSpec,
    timestep: TensorSpec,
    conditions: Conditions,
    residuals: Sequence[TensorSpec] = (),
) -> tuple[TensorSpec, ...]:
    """All that a UNet takes, in order.

    Args:
        config: Its parsed configuration.
        latents: The latents (B,C,h,w).
        timestep: The timestep (1,).
        conditions: What text encoders give.
        residuals: What a ControlNet gives.
    """
    pictures, _, *size = latents.shape
    found = [latents, timestep, _repeated(conditions.text, pictures)]
    if takes_mask(config, latents.shape[1]):
        mask = TensorSpec(
            name="mask",
            shape=(pictures, 1, *size),
            range=(0.0, 1.0),
            description="1 where the picture is drawn anew, in latent space.",
        )
        masked = TensorSpec(
            name="masked_latents",
            shape=latents.shape,
            description="The picture without what is drawn anew, in latent space.",
        )
        found += [mask, masked]
    if config.get("time_cond_proj_dim") is not None:
        found.append(
            TensorSpec(
                name="guidance_embedding",
                shape=(pictures, int(config["time_cond_proj_dim"])),
                description="The scale of guidance, embedded.",
            )
        )
    return (*found, *_added(config, conditions, pictures), *residuals)


def controlnet_inputs(
    config: Mapping[str, Any],
    latents: TensorSpec,
    timestep: TensorSpec,
    conditions: Conditions,
    image: TensorSpec,
) -> tuple[TensorSpec, ...]:
    """All that a ControlNet takes, in order; its picture is (1,3,H,W) in [0,1]."""
    pictures = latents.shape[0]
    picture = TensorSpec(
        name="control_image",
        shape=(pictures, *image.shape[1:]),
        range=(0.0, 1.0),
        description="What the picture shall follow: edges, depth, a pose.",
    )
    text = _repeated(conditions.text, pictures)
    return (latents, timestep, text, picture, *_added(config, conditions, pictures))


def _added(
    config: Mapping[str, Any], conditions: Conditions, pictures: int
) -> tuple[TensorSpec, ...]:
    """The further inputs of Stable Diffusion XL."""
    if config.get("addition_embed_type") != "text_time" or conditions.pooled is None:
        return ()
    numbers = TensorSpec(
        name="time_ids",
        shape=(pictures, time_ids(config, conditions.pooled)),
        description="Sizes and crop of the picture, in pixels, as the model was trained on them.",
    )
    return (_repeated(conditions.pooled, pictures), numbers)


def time_ids(config: Mapping[str, Any], pooled: TensorSpec) -> int:
    """How many numbers a UNet of Stable Diffusion XL takes: 6, or 5 with an aesthetic score."""
    width = int(config["projection_class_embeddings_input_dim"]) - pooled.shape[1]
    return width // int(config["addition_time_embed_dim"])


def _repeated(spec: TensorSpec, pictures: int) -> TensorSpec:
    return replace(spec, shape=(pictures, *spec.shape[1:]))


def takes_mask(config: Mapping[str, Any], channels: int) -> bool:
    """Whether a UNet was trained to draw parts of a picture: latents, mask, masked latents."""
    return int(config.get("in_channels", 4)) == 2 * channels + 1


def residuals(config: Mapping[str, Any], inputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """What a ControlNet gives, from a run without numbers."""
    with torch.device("meta"):
        network = ControlNet(ControlNetModel.from_config(dict(config)), [s.name for s in inputs])
        made = network(*(torch.zeros(spec.shape) for spec in inputs))
    names = [*(f"residual_{index:02d}" for index in range(len(made) - 1)), "residual_middle"]
    return tuple(
        TensorSpec(
            name=name, shape=tuple(value.shape), description="Added to a residual of the UNet."
        )
        for name, value in zip(names, made, strict=True)
    )


def prediction(latents: TensorSpec) -> TensorSpec:
    """What a UNet gives, (B,C,h,w)."""
    return TensorSpec(name="prediction", shape=latents.shape)


def unet(model: UNet2DConditionModel, inputs: Sequence[TensorSpec]) -> Component:
    """A UNet as a component."""
    return Component(
        name="unet",
        module=UNet(model, [spec.name for spec in inputs]),
        inputs=tuple(inputs),
        outputs=(prediction(inputs[0]),),
        description="One sampling step: noisy latents to a prediction.",
    )


def controlnet(
    model: ControlNetModel, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> Component:
    """A ControlNet as a component."""
    return Component(
        name="controlnet",
        module=ControlNet(model, [spec.name for spec in inputs]),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        description="What the picture shall follow to residuals of the UNet.",
    )


def require_plain(config: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` where a UNet or a ControlNet takes what no run here can feed it.

    Args:
        config: Its parsed configuration.
        path: The file that it was read from.
    """
    for name, what in _FURTHER_INPUTS.items():
        if config.get(name) not in (None, False):
            raise CheckpointError(
                f"{path} has {name} = {config[name]!r}: this network takes {what}, "
                f"expected one that takes latents, timestep and text only"
            )
    for name, known in (
        ("encoder_hid_dim_type", "text_proj"),
        ("addition_embed_type", "text_time"),
    ):
        if config.get(name) not in (None, known):
            raise CheckpointError(
                f"{path} has {name} = {config[name]!r}, expected none or {known!r}"
            )


def require_channels(config: Mapping[str, Any], path: Path, *, latents: int, mask: bool) -> None:
    """Raise `CheckpointError` unless a UNet takes and gives as many channels as the VAE has.

    Args:
        config: Its parsed configuration.
        path: The file that it was read from.
        latents: Channels of the VAE's latents.
        mask: Whether it also takes a mask and a picture without what is masked.
    """
    expected = 2 * latents + 1 if mask else latents
    for name, wanted in (("in_channels", expected), ("out_channels", latents)):
        found = config.get(name, 4)
        if found == wanted:
            continue
        hint = "as the VAE's latents have"
        if name == "in_channels" and mask:
            hint = f"for latents, mask and masked picture, {hint}"
        elif name == "in_channels" and found == 2 * latents + 1:
            hint = f"{hint}; one with {found} draws parts of a picture (inpainting)"
        raise CheckpointError(f"{path} has {name} = {found}, expected {wanted} {hint}")


def text_widths(config: Mapping[str, Any]) -> set[int]:
    """The widths of text embeddings that a UNet's blocks take; one, where it fits together."""
    if config.get("encoder_hid_dim") is not None:
        return {int(config["encoder_hid_dim"])}
    width = config.get("cross_attention_dim", 1280)
    return {int(w) for w in width} if isinstance(width, list) else {int(width)}
