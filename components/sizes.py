"""How large latents and pictures are, found from configurations alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.errors import CheckpointError

LARGEST = 1024
"""Most latents along a side: a picture of 8192 pixels with the usual VAE."""
TINY = "AutoencoderTiny"
_WIDTHS = {True: (64, 64, 64, 64), False: (64,)}
"""What an `AutoencoderTiny` has where its configuration does not say, and what others have."""


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


def is_tiny(config: Mapping[str, Any]) -> bool:
    """Whether an autoencoder's configuration is that of an `AutoencoderTiny`."""
    return "decoder_block_out_channels" in config or config.get("_class_name") == TINY


def vae_factor(config: Mapping[str, Any]) -> int:
    """Pixels along a side of one latent: each level of a VAE but the first halves a side."""
    names: tuple[str, ...] = ("decoder_block_out_channels", "encoder_block_out_channels")
    if not is_tiny(config):
        names = ("block_out_channels",)
    widths = next((config[name] for name in names if name in config), _WIDTHS[is_tiny(config)])
    return int(2 ** (len(widths) - 1))
