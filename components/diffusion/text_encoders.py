"""CLIP text encoders (arXiv 2103.00020): token ids to what a UNet reads of a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from components.component import Component, TensorSpec
from components.declared import require_known_fields
from components.errors import CheckpointError

NAMES = ("text_encoder", "text_encoder_2")
"""The text encoders that a checkpoint may have, in the order in which their outputs are joined."""
KINDS = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
_SAVED_BY_LIBRARY = ("transformers_version", "torch_dtype", "dtype", "projection_dim")


class LastHidden(nn.Module):
    """From token ids to the last hidden state, as Stable Diffusion 1 and 2 read a prompt."""

    def __init__(self, model: CLIPTextModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.model(input_ids=input_ids, return_dict=False)[0]


class PenultimateHidden(nn.Module):
    """From token ids to the hidden state before the last layer, as Stable Diffusion XL reads it.

    An encoder with a projection also gives the pooled and projected text.
    """

    def __init__(self, model: CLIPTextModel | CLIPTextModelWithProjection) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        made = self.model(input_ids=input_ids, output_hidden_states=True)
        hidden: Tensor = made.hidden_states[-2]
        return (hidden, made.text_embeds) if hasattr(made, "text_embeds") else hidden


def input_ids(config: Mapping[str, Any]) -> TensorSpec:
    """The token ids that a text encoder takes, (1,T) int32."""
    return TensorSpec(
        name="input_ids",
        shape=(1, int(config.get("max_position_embeddings", 77))),
        dtype="int32",
        range=(0, int(config["vocab_size"]) - 1),
        description="Token ids of the prompt, padded.",
    )


def outputs(config: Mapping[str, Any], *, pooled: bool) -> tuple[TensorSpec, ...]:
    """What a text encoder gives: text embeddings (1,T,D), and pooled text (1,P) where asked for."""
    tokens = input_ids(config).shape[1]
    embeddings = TensorSpec(
        name="text_embeddings",
        shape=(1, tokens, int(config["hidden_size"])),
        description="The prompt as the UNet reads it.",
    )
    if not pooled:
        return (embeddings,)
    pooled_text = TensorSpec(
        name="pooled_text",
        shape=(1, int(config.get("projection_dim", 512))),
        description="The whole prompt as one vector.",
    )
    return (embeddings, pooled_text)


def component(name: str, model: Any, config: Mapping[str, Any], *, last: bool) -> Component:
    """A text encoder as a component.

    Args:
        name: Its name.
        model: transformers' model.
        config: Its parsed configuration.
        last: Whether the UNet reads the last hidden state, else the one before.
    """
    pooled = not last and KINDS[name] is CLIPTextModelWithProjection
    return Component(
        name=name,
        module=LastHidden(model) if last else PenultimateHidden(model),
        inputs=(input_ids(config),),
        outputs=outputs(config, pooled=pooled),
        description="Token ids of a prompt to text embeddings.",
    )


def require_text_model(config: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` unless a text encoder is a plain CLIP text model of token ids.

    Args:
        config: Its parsed configuration.
        path: The file that it was read from.
    """
    if config.get("use_attention_mask"):
        raise CheckpointError(
            f"{path} has use_attention_mask, expected none: the text encoder takes token ids only"
        )
    if config.get("model_type", "clip_text_model") != "clip_text_model":
        raise CheckpointError(
            f"{path} has model_type = {config['model_type']!r}, expected 'clip_text_model'"
        )
    for name in ("eos_token_id", "bos_token_id", "pad_token_id"):
        if type(config.get(name, 0)) is not int:
            raise CheckpointError(f"{path} has {name} = {config[name]!r}, expected a token id")
    known = {*CLIPTextConfig().to_dict(), *_SAVED_BY_LIBRARY}
    require_known_fields(known, config, path)
