"""From DiceBear options to pixels."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from dicebear import Avatar
from numpy.typing import NDArray
from PIL import Image
from resvg_py import svg_to_bytes

from ._definition import compiled

SIDE = 256


def rasterize(style_name: str, options: Mapping[str, object]) -> NDArray[np.uint8]:
    """Draw a style with these DiceBear options; (256,256,3) uint8 sRGB.

    The options must bring a background colour: a picture with transparent pixels is refused.
    """
    svg = str(Avatar(compiled(style_name), dict(options)))
    png = svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True)
    with Image.open(io.BytesIO(png)) as image:
        rgba = np.asarray(image.convert("RGBA"))
    assert rgba.shape == (SIDE, SIDE, 4), rgba.shape
    assert rgba[..., 3].min() == 255, f"{style_name} was drawn without a background"
    return np.ascontiguousarray(rgba[..., :3])
