"""Pixels from DiceBear options."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import numpy as np
from dicebear import Avatar
from numpy.typing import NDArray
from PIL import Image
from resvg_py import svg_to_bytes

from ._definition import compiled

SIDE = 256

# DiceBear clips the drawing to the picture, for viewers that would show what is outside. A renderer
# shows nothing outside, and without the clip it needs no separate layer, which halves the time.
_PICTURE_CLIP = re.compile(r'(</defs><g) clip-path="url\(#clip-[^)"]*\)"')


def rasterize(style_name: str, options: Mapping[str, object]) -> NDArray[np.uint8]:
    """Draw a style with DiceBear options; returns (256,256,3) uint8 sRGB.

    The options must contain a background colour, because transparent pixels are not allowed.
    """
    svg = _PICTURE_CLIP.sub(r"\1", str(Avatar(compiled(style_name), dict(options))), count=1)
    png = svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True)
    with Image.open(io.BytesIO(png)) as image:
        *colors, alpha = image.split()
    assert image.size == (SIDE, SIDE), image.size
    assert alpha.getextrema()[0] == 255, f"{style_name} was drawn without a background"
    return np.stack([np.asarray(color) for color in colors], axis=-1)
