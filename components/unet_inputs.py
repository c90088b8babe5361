"""What a UNet of diffusers takes as inputs, found from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.errors import CheckpointError

_FURTHER_INPUTS = {
    "time_cond_proj_dim": "an embedded guidance scale (LCM)",
    "class_embed_type": "class labels",
    "num_class_embeds": "class labels",
    "addition_embed_type": "further embeddings (SDXL)",
    "class_embeddings_concat": "class labels",
}
"""Fields that give a UNet an input that a Stable Diffusion run has nothing to feed with."""

LARGEST = 1024
"""Most latents along a side: a picture of 8192 pixels with the usual VAE."""


def require_plain(config: Mapping[str, Any], path: Path, *, latents: int) -> None:
    """Raise `CheckpointError` unless a UNet takes latents, a timestep and text, and nothing else.

    Args:
        config: Its parsed configuration.
        path: The file that it was read from.
        latents: Channels of the latents, as the VAE has them.
    """
    for name, what in _FURTHER_INPUTS.items():
        if config.get(name) not in (None, False):
            raise CheckpointError(
                f"{path} has {name} = {config[name]!r}: this UNet takes {what}, "
                f"expected one that takes latents, timestep and text only"
            )
    if config.get("encoder_hid_dim_type") not in (None, "text_proj"):
        raise CheckpointError(
            f"{path} has encoder_hid_dim_type = {config['encoder_hid_dim_type']!r}, "
            f"expected none or 'text_proj'"
        )
    for name in ("in_channels", "out_channels"):
        found = config.get(name, 4)
        if found != latents:
            raise CheckpointError(
                f"{path} has {name} = {found}, expected {latents} as the VAE's latents have"
            )


def text_widths(config: Mapping[str, Any]) -> set[int]:
    """The widths of text embeddings that a UNet's blocks take; one, where it fits together."""
    if config.get("encoder_hid_dim") is not None:
        return {int(config["encoder_hid_dim"])}
    width = config.get("cross_attention_dim", 1280)
    return {int(w) for w in width} if isinstance(width, list) else {int(width)}


def latent_size(config: Mapping[str, Any], path: Path) -> tuple[int, int]:
    """Height and width of the latents that a UNet was trained for.

    Raises:
        CheckpointError: `sample_size` is neither a number nor [height, width].
    """
    size = config.get("sample_size")
    sides: list[Any] = size if isinstance(size, list) else [size, size]
    if len(sides) != 2 or not all(type(side) is int and 0 < side <= LARGEST for side in sides):
        raise CheckpointError(
            f"{path} has sample_size = {size!r}, expected a number or [height, width], "
            f"each at most {LARGEST}"
        )
    return sides[0], sides[1]
