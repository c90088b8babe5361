"""A UNet with an IP-Adapter as the avatar's denoiser: prompts by style, levels by call."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Constants:
    """What a UNet is told in every call, whatever the style.

    Attributes:
        time_ids: (1,6), the sizes that Stable Diffusion XL takes; None for others.
        guidance: (1,E), the scale of guidance, embedded, for a UNet that takes it; else None.
    """

    time_ids: Tensor | None = None
    guidance: Tensor | None = None


class StyledDenoiser(nn.Module):
    """The UNet's answer as the velocity of a rectified flow (`levels` says how)."""

    rows: Tensor
    text: Tensor
    pooled: Tensor | None

    def __init__(
        self,
        unet: UNet2DConditionModel,
        rows: Tensor,
        text: Tensor,
        pooled: Tensor | None,
        constants: Constants,
    ) -> None:
        """Join the parts.

        Args:
            unet: With an adapter's attention; its image tokens arrive projected.
            rows: (calls,4), the rows of `Levels`.
            text: (styles,2,tokens,width), embeddings of each style's negative prompt and prompt.
            pooled: (styles,2,width), the same as one vector each, for Stable Diffusion XL.
            constants: What does not depend on the style.
        """
        super().__init__()
        unet.encoder_hid_proj = None
        self.unet = unet
        self.register_buffer("text", text)
        self.register_buffer("pooled", pooled)
        # Not among the weights, and so exact, whatever is quantized.
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("time_ids", constants.time_ids, persistent=False)
        self.register_buffer("guidance", constants.guidance, persistent=False)

    def forward(
        self, latents: Tensor, timestep: Tensor, identity_tokens: Tensor, style: Tensor
    ) -> Tensor:
        """Predict the velocity, (1,C,h,w).

        Args:
            latents: (1,C,h,w) float32.
            timestep: (1,), the index of a row.
            identity_tokens: (1,T+1,D), as `SelfieEncoder` gives them.
            style: (1,) int32.
        """
        time, scale, keep, turn = self.rows.index_select(0, timestep.long()).unbind(dim=1)
        tokens, present = identity_tokens[:, :-1], identity_tokens[:, -1:, :1]
        added: dict[str, Any] = {}
        if self.pooled is not None:
            pooled = _prompt(self.pooled, style, present[:, 0])
            added = {"text_embeds": pooled, "time_ids": self.time_ids}
        answer = self.unet(
            latents * scale,
            time,
            (_prompt(self.text, style, present), [tokens]),
            timestep_cond=self.guidance,
            added_cond_kwargs=added,
            return_dict=False,
        )[0]
        return latents * keep + answer * turn


def _prompt(table: Tensor, style: Tensor, present: Tensor) -> Tensor:
    """The prompt of a style where somebody is there, else its negative prompt."""
    negative, prompt = table.index_select(0, style).unbind(dim=1)
    return prompt * present + negative * (1 - present)


def embedded_guidance(scale: float, width: int) -> Tensor:
    """The scale of guidance as latent consistency models take it (arXiv 2310.04378), (1,width)."""
    # The pipeline's own function uses nothing of the pipeline.
    made: Tensor = StableDiffusionPipeline.get_guidance_scale_embedding(
        None, torch.tensor([scale - 1.0]), embedding_dim=width
    )
    return made


def with_adapter(unet: UNet2DConditionModel, tokens: int, adapted: Collection[str]) -> None:
    """Give a UNet attention to image tokens, with any numbers as weights.

    Args:
        unet: The UNet.
        tokens: Number of image tokens.
        adapted: Names of the attentions that look at them; the others to prompts only.
    """
    processors = dict(unet.attn_processors)
    for name in processors:
        if name.endswith("attn2.processor"):
            processors[name] = _processor(unet, name, [tokens] if name in adapted else [])
    unet.set_attn_processor(processors)


def bake_scales(unet: UNet2DConditionModel) -> list[str]:
    """Put the adapter's scales into its weights, and leave it out where they are 0.

    Returns:
        Names of the attentions that keep it.
    """
    processors, kept = dict(unet.attn_processors), []
    for name, processor in processors.items():
        if not isinstance(processor, IPAdapterAttnProcessor2_0):
            continue
        (scale,), (values,) = processor.scale, processor.to_v_ip
        if scale == 0:
            processors[name] = _processor(unet, name, [])
        else:
            with torch.no_grad():
                values.weight.mul_(scale)
            processor.scale = [1.0]
            kept.append(name)
    unet.set_attn_processor(processors)
    return kept


def _processor(unet: Any, name: str, tokens: list[int]) -> IPAdapterAttnProcessor2_0:
    attention = unet.get_submodule(name.removesuffix(".processor"))
    return IPAdapterAttnProcessor2_0(
        attention.to_k.out_features,
        unet.config.cross_attention_dim,
        num_tokens=tokens,
        scale=[1.0] * len(tokens),
    )
