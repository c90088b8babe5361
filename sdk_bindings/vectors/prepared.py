"""Pictures of every kind, and the tensors that the law of selfies makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar.selfies import read_selfie
from sdk_bindings.vectors.png_files import (
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGBA,
    orientation,
    png,
    profile,
    wide_profile,
)

FOLDER = "pictures"
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A picture file.

    Attributes:
        name: Name of the file, without `.png`.
        file: Its bytes.
        step: Of its tensor the rows 1, 1 + step, 1 + 2·step, … are kept, which keeps files small.
        about: What kind of picture it is.
    """

    name: str
    file: bytes
    step: int
    about: str


def cases() -> Iterator[Case]:
    """Every case: sizes, orientations, kinds of pixels."""
    for name, (width, height) in _SIZES.items():
        yield Case(name=name, file=png(colours(width, height), RGB), step=4, about="RGB, 8 bits")
    turned = colours(61, 45)
    for value in range(1, 9):
        yield Case(
            name=f"orientation-{value}",
            file=png(turned, RGB, orientation(value)),
            step=16,
            about=f"EXIF orientation {value}",
        )
    for name, (file, about) in _modes().items():
        yield Case(name=name, file=file, step=8, about=about)


_SIZES = {
    "landscape": (301, 217),
    "portrait": (143, 260),
    "one-more": (129, 129),
    "as-it-is": (128, 128),
    "enlarged": (67, 53),
    "smallest": (17, 16),
    "strip": (403, 31),
}


def tensors(folder: Path) -> dict[str, NDArray[np.float16]]:
    """The tensor that each case's file in `folder` is prepared to, by the case's name.

    Of the tensor (3,128,128) in [0,1] only the rows 1, 1 + step, 1 + 2·step, … are kept.
    """
    return {
        case.name: read_selfie(folder / f"{case.name}.png")[:, 1 :: case.step].astype(np.float16)
        for case in cases()
    }


def colours(width: int, height: int) -> Pixels:
    """A picture (height,width,3) with slopes, edges and fine lines; all its corners differ."""
    y, x = np.mgrid[:height, :width]
    red = (x * 3 + y) % 256
    green = x * x // 97 + y * 2
    blue = np.where((x // 7 + y // 5) % 2, 255 - y * 255 // height, x * 255 // width)
    return (np.stack([red, green, blue], axis=2) % 256).astype(np.uint8)


def _modes() -> dict[str, tuple[bytes, str]]:
    picture = colours(90, 77)
    grey, deep = picture[..., 1], picture.astype(np.uint16) * 256 + 77
    alpha = np.linspace(0, 255, 90).astype(np.uint8)[None, :].repeat(77, 0)
    palette = (b"PLTE", bytes(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8)))
    clear = (b"tRNS", bytes(range(256)))
    wide = profile(wide_profile())
    return {
        "grey": (png(grey, GREY), "grey, 8 bits"),
        "grey-16": (png(deep[..., 1], GREY), "grey, 16 bits: the high byte counts"),
        "rgb-16": (png(deep, RGB), "RGB, 16 bits: the high bytes count"),
        "grey-alpha": (png(np.dstack([grey, alpha]), GREY_ALPHA), "grey on white"),
        "alpha": (png(np.dstack([picture, alpha]), RGBA), "RGB on white"),
        "clear-colour": (png(picture, RGB, _transparent(picture)), "one colour is transparent"),
        "palette": (png(grey, PALETTE, palette), "256 colours"),
        "palette-alpha": (png(grey, PALETTE, palette, clear), "256 colours on white"),
        "profile": (png(picture, RGB, wide), "Display P3's primaries, gamma 2.2"),
        "profile-alpha": (png(np.dstack([picture, alpha]), RGBA, wide), "the same, on white"),
    }


def _transparent(picture: Pixels) -> tuple[bytes, bytes]:
    return b"tRNS", b"".join(b"\0" + bytes([value]) for value in picture[30, 40])
