"""A contact sheet: people's selfies beside drawings of them in every style."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from avatar.people.identity import Identity, sample_identity
from avatar.people.renderer import SIDE, render
from avatar.people.styles import STYLES, can_draw, draw
from support.images import to_pixels

SELFIES = 4
GAP = 4
HEADER = 24
PAPER, INK, GREY = "#ffffff", "#333333", "#d5d5d5"


def contact_sheet(seed: int, people: int = 8) -> Image.Image:
    """Draw a sheet with one row for each person, RGB.

    The seeds of the people are `seed`, `seed + 1`, … On the left are four selfies, on the right one
    drawing in each style, or a grey tile where the style cannot draw the person.
    """
    identities = [sample_identity(seed + row) for row in range(people)]
    columns = SELFIES + len(STYLES)
    # A wider gap separates selfies from drawings.
    size = (columns * (SIDE + GAP) + 4 * GAP, HEADER + people * (SIDE + GAP))
    sheet = Image.new("RGB", size, PAPER)
    titles = ["selfies", *[""] * (SELFIES - 1), *[style.name for style in STYLES]]
    for column, title in enumerate(titles):
        _write(sheet, title, _left(column), HEADER // 2)
    for row, identity in enumerate(identities):
        top = HEADER + row * (SIDE + GAP)
        for column, tile in enumerate(_tiles(identity, seed + row)):
            sheet.paste(tile, (_left(column), top))
    return sheet


def _left(column: int) -> int:
    return GAP + column * (SIDE + GAP) + (2 * GAP if column >= SELFIES else 0)


def _tiles(identity: Identity, seed: int) -> list[Image.Image]:
    """All pictures of one person, each `SIDE` × `SIDE`."""
    seeds = [seed * SELFIES + index for index in range(SELFIES)]
    selfies = [_picture(selfie) for selfie in render([identity] * SELFIES, seeds)]
    return selfies + [_avatar(identity, style.name, seed) for style in STYLES]


def _picture(selfie: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(to_pixels(selfie))


def _avatar(identity: Identity, style_name: str, seed: int) -> Image.Image:
    if can_draw(identity, style_name):
        avatar = Image.fromarray(draw(identity, style_name, seed))
        return avatar.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (SIDE, SIDE), GREY)
    _write(tile, f"has no {identity.hair_class}", 0, SIDE // 2)
    return tile


def _write(image: Image.Image, text: str, left: int, middle: int) -> None:
    """Write a text centred in the tile that begins at `left`."""
    centre = (left + SIDE / 2, middle)
    ImageDraw.Draw(image).text(centre, text, INK, ImageFont.load_default(13), anchor="mm")
