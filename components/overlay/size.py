"""The size of pictures: what a UNet's `sample_size` must be, and which sizes there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.errors import OverlayError
from components.overlay.folder import CheckpointFolder
from components.sizes import LARGEST, vae_factor

_SIZED = ("unet", "controlnet")
"""The parts whose configurations say how large latents are."""


def set_size(folder: CheckpointFolder, size: tuple[int, int]) -> None:
    """Make a checkpoint draw pictures of a size.

    Args:
        folder: The checkpoint.
        size: Width and height in pixels.

    Raises:
        OverlayError: Its VAE and UNet cannot draw pictures of that size.
    """
    folder.part("unet")
    factor = vae_factor(folder.config("vae")) if folder.part("vae") else 1
    step = factor * unet_factor(folder.config("unet"))
    width, height = size
    if width % step or height % step or max(size) > LARGEST * factor:
        near = " or ".join(f"{w}x{h}" for w, h in _nearest(size, step, LARGEST * factor))
        raise OverlayError(
            f"--size {width}x{height}: this checkpoint draws multiples of {step} pixels, at most "
            f"{LARGEST * factor} along a side; the nearest: {near}"
        )
    latents: int | list[int] = [height // factor, width // factor]
    if height == width:
        latents = height // factor  # some pipelines of diffusers take only a number
    for part in _SIZED:
        if folder.has(part):
            folder.set_config(part, {**folder.config(part), "sample_size": latents})


def unet_factor(config: Mapping[str, Any]) -> int:
    """Latents along a side of one position at a UNet's lowest resolution."""
    return int(2 ** (len(config.get("down_block_types") or [None] * 4) - 1))


def _nearest(size: tuple[int, int], step: int, most: int) -> list[tuple[int, int]]:
    """The sizes that work next below and next above."""

    def along(steps: int) -> int:
        return min(max(steps, 1) * step, most - most % step)

    width, height = size
    below = along(width // step), along(height // step)
    above = along(-(-width // step)), along(-(-height // step))
    return sorted({below, above})
