"""The configurations of a VAE and of CLIP text encoders, found from the shapes of their weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from components.errors import CheckpointError
from components.overlay.tensors import Shapes

CLIP_HEAD_WIDTH = 64
"""Channels of an attention head in every CLIP text encoder that was published."""


def vae_config(shapes: Shapes, start: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The configuration of a VAE in the original layout (`encoder.down.I.block.J`).

    Args:
        shapes: The shapes of its weights.
        start: The configuration of its kind; what shapes do not decide is taken from it.
        source: The file, for messages.

    Raises:
        CheckpointError: The weights are not laid out so.
    """
    levels = _count(shapes, r"encoder\.down\.(\d+)\.")
    places = [f"encoder.down.{level}.block" for level in range(levels)]
    layers = {_count(shapes, rf"{re.escape(place)}\.(\d+)\.") for place in places}
    names = ("encoder.conv_in.weight", "decoder.conv_out.weight", "decoder.conv_in.weight")
    lacks = [name for name in names if name not in shapes]
    if len(layers) != 1 or lacks:
        raise CheckpointError(
            f"{source}: its VAE lacks {lacks[0] if lacks else 'encoder.down.0.block.0'}, expected "
            f"encoder and decoder in the original layout"
        )
    return {
        **start,
        "block_out_channels": [shapes[f"{place}.0.conv1.weight"][0] for place in places],
        "layers_per_block": layers.pop(),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "in_channels": shapes[names[0]][1],
        "out_channels": shapes[names[1]][0],
        "latent_channels": shapes[names[2]][1],
    }


def clip_config(shapes: Shapes, start: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The configuration of a text encoder in transformers' layout, without its `text_model.`.

    Args:
        shapes: The shapes of its weights.
        start: The configuration of its kind.
        source: The file, for messages.
    """
    return _clip_config(
        shapes,
        start,
        source,
        ("embeddings.token_embedding.weight", "embeddings.position_embedding.weight"),
        ("encoder.layers", "mlp.fc1.weight"),
    )


def open_clip_config(shapes: Shapes, start: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The configuration of a text encoder in OpenCLIP's layout.

    Its last layer counts only in Stable Diffusion XL: version 2 reads the text before it.

    Args:
        shapes: The shapes of its weights, the last layer included where it counts.
        start: The configuration of its kind.
        source: The file, for messages.
    """
    config = _clip_config(
        shapes,
        start,
        source,
        ("token_embedding.weight", "positional_embedding"),
        ("transformer.resblocks", "mlp.c_fc.weight"),
    )
    if "text_projection" in shapes:
        config["projection_dim"] = shapes["text_projection"][1]
    return config


def _clip_config(
    shapes: Shapes,
    start: Mapping[str, Any],
    source: str,
    embeddings: tuple[str, str],
    layer: tuple[str, str],
) -> dict[str, Any]:
    (token, position), (layers, hidden) = embeddings, layer
    first = f"{layers}.0.{hidden}"
    for name in (token, position, first):
        if name not in shapes:
            raise CheckpointError(f"{source}: its text encoder lacks {name}")
    (vocabulary, width), (length, _) = shapes[token], shapes[position]
    if width % CLIP_HEAD_WIDTH:
        raise CheckpointError(
            f"{source}: its text encoder is {width} wide, expected a multiple of {CLIP_HEAD_WIDTH},"
            f" because its heads are so wide"
        )
    return {
        **start,
        "vocab_size": vocabulary,
        "hidden_size": width,
        "max_position_embeddings": length,
        "intermediate_size": shapes[first][0],
        "num_attention_heads": width // CLIP_HEAD_WIDTH,
        "num_hidden_layers": _count(shapes, rf"{re.escape(layers)}\.(\d+)\."),
    }


def _count(shapes: Shapes, pattern: str) -> int:
    found = (re.match(pattern, name) for name in shapes)
    return max((int(match[1]) + 1 for match in found if match), default=0)
