"""The configuration of a UNet in the original layout, found from the shapes of its weights.

Names are those of the original code (`openaimodel.UNetModel`) without `model.diffusion_model.`:
`input_blocks.I.0` is a residual block, or `input_blocks.I.0.op` a downsampling one, and
`input_blocks.I.1.transformer_blocks.K` are the layers of the attention that follows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.errors import CheckpointError
from components.overlay.tensors import Shapes

HEAD_WIDTH = 64
"""Channels of an attention head wherever projections are linear: in Stable Diffusion 2 and XL."""
_NO_ATTENTION = {"input": "DownBlock2D", "output": "UpBlock2D"}
_ATTENTION = {"input": "CrossAttnDownBlock2D", "output": "CrossAttnUpBlock2D"}


@dataclass(frozen=True)
class _Block:
    """The layers between two changes of resolution: width and depth of attention of each."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]


def unet_config(shapes: Shapes, start: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The configuration that these weights belong to.

    Args:
        shapes: The shapes of a UNet's weights.
        start: The configuration of its kind; what shapes do not decide is taken from it.
        source: The file, for messages.

    Raises:
        CheckpointError: The weights are laid out as no `UNet2DConditionModel` can be.
    """
    down = _down_blocks(shapes, source)
    layers = len(down[0].widths)
    up = _up_blocks(shapes, layers + 1)
    if any(len(block.widths) != layers for block in down) or len(up) != len(down):
        raise CheckpointError(
            f"{source}: its UNet has {[len(block.widths) for block in down]} layers by block, "
            f"expected the same number in each: name a folder in diffusers' layout"
        )
    widths = [block.widths[-1] for block in down]
    middle = _depth(shapes, "middle_block.1")
    config = {
        **start,
        "in_channels": _shape(shapes, "input_blocks.0.0.weight", source)[1],
        "out_channels": _shape(shapes, "out.2.weight", source)[0],
        "block_out_channels": widths,
        "layers_per_block": layers,
        "down_block_types": [_type("input", block) for block in down],
        "up_block_types": [_type("output", block) for block in up],
        **_attention(shapes, start, widths, source),
        **_transformers(start, down, middle, up),
        **_embeddings(shapes),
    }
    if not middle:
        bare = any(name.startswith("middle_block.") for name in shapes)
        config["mid_block_type"] = "UNetMidBlock2D" if bare else None
    return config


def _down_blocks(shapes: Shapes, source: str) -> list[_Block]:
    blocks: list[list[tuple[int, int]]] = [[]]
    for index in range(1, _count(shapes, "input_blocks")):
        place = f"input_blocks.{index}"
        if f"{place}.0.op.weight" in shapes:
            blocks.append([])
        else:
            width = _shape(shapes, f"{place}.0.out_layers.3.weight", source)[0]
            blocks[-1].append((width, _depth(shapes, f"{place}.1")))
    if not all(blocks):
        raise CheckpointError(f"{source}: its UNet has a block without layers")
    return [_Block(*zip(*block, strict=True)) for block in blocks]


def _up_blocks(shapes: Shapes, layers: int) -> list[_Block]:
    places = [f"output_blocks.{index}" for index in range(_count(shapes, "output_blocks"))]
    found = [
        (shapes.get(f"{place}.0.out_layers.3.weight", (0,))[0], _depth(shapes, f"{place}.1"))
        for place in places
    ]
    return [_Block(*zip(*found[i : i + layers], strict=True)) for i in range(0, len(found), layers)]


def _count(shapes: Shapes, group: str) -> int:
    indices = (re.match(rf"{group}\.(\d+)\.", name) for name in shapes)
    return max((int(index[1]) + 1 for index in indices if index), default=0)


def _depth(shapes: Shapes, place: str) -> int:
    """The number of layers of the attention at a place; 0 where there is none."""
    return _count(
        {k.removeprefix(f"{place}."): v for k, v in shapes.items() if k.startswith(f"{place}.")},
        "transformer_blocks",
    )


def _shape(shapes: Shapes, name: str, source: str) -> tuple[int, ...]:
    if name not in shapes:
        raise CheckpointError(f"{source} lacks {name}, expected a UNet in the original layout")
    return shapes[name]


def _type(side: str, block: _Block) -> str:
    return (_ATTENTION if any(block.depths) else _NO_ATTENTION)[side]


def _attention(
    shapes: Shapes, start: Mapping[str, Any], widths: Sequence[int], source: str
) -> dict[str, Any]:
    """Width of the text, kind of projection, and heads, which no shape shows.

    The original code has 8 heads everywhere where projections are convolutions, and heads of 64
    channels where they are linear.
    """
    text = {s[1] for name, s in shapes.items() if name.endswith(".attn2.to_k.weight")}
    linear = {len(s) == 2 for name, s in shapes.items() if name.endswith(".proj_in.weight")}
    if len(text) != 1 or len(linear) != 1:
        raise CheckpointError(f"{source}: its UNet takes text of {len(text)} widths, expected one")
    config = {"cross_attention_dim": text.pop(), "use_linear_projection": linear.pop()}
    if not config["use_linear_projection"]:
        return {**config, "attention_head_dim": 8}
    if any(width % HEAD_WIDTH for width in widths):
        raise CheckpointError(
            f"{source}: its UNet has blocks of {list(widths)} channels, expected multiples of "
            f"{HEAD_WIDTH}, because its heads have so many"
        )
    heads = [width // HEAD_WIDTH for width in widths]
    return {**config, "attention_head_dim": heads}


def _transformers(
    start: Mapping[str, Any], down: Sequence[_Block], middle: int, up: Sequence[_Block]
) -> dict[str, Any]:
    """How many layers attention has, in each block, and in the way up where that differs."""
    depths = [_even(block.depths) for block in down]
    # diffusers takes the middle's depth from the last block, which may have no attention.
    if not down[-1].depths[0]:
        depths[-1] = middle or 1
    given = start.get("transformer_layers_per_block", 1)
    expanded = given if isinstance(given, list) else [given] * len(down)
    if len(expanded) == len(depths):
        depths = [e if d == 0 else d for e, d in zip(expanded, depths, strict=True)]
    depths = [depth or 1 for depth in depths]
    config: dict[str, Any] = {
        "transformer_layers_per_block": given if depths == expanded else depths
    }
    upward = [_even(block.depths) for block in up]
    mirrored = [
        depth if any(block.depths) else 0 for depth, block in zip(reversed(depths), up, strict=True)
    ]
    if upward != mirrored:
        config["reverse_transformer_layers_per_block"] = [depth or 1 for depth in upward]
    return config


def _even(depths: Sequence[int]) -> Any:
    """One number where all layers of a block have attention of the same depth."""
    return depths[0] if len(set(depths)) == 1 else list(depths)


def _embeddings(shapes: Shapes) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if "label_emb.0.0.weight" in shapes:
        config["projection_class_embeddings_input_dim"] = shapes["label_emb.0.0.weight"][1]
    if "time_embed.cond_proj.weight" in shapes:
        config["time_cond_proj_dim"] = shapes["time_embed.cond_proj.weight"][1]
    return config
