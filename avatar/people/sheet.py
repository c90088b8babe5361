"""A contact sheet: the same people as the camera and as the designers see them."""

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
    """One row for each person (their seeds are `seed`, `seed + 1`, …), RGB.

    On the left four selfies, on the right an avatar in each style; a grey tile says where a style
    cannot draw the person.
    """
    identities = [sample_identity(seed + row) for row in range(people)]
    columns = SELFIES + len(STYLES)
    # A wider gap parts the camera's side from the designers'.
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
    """All pictures of one person, each SIDE × SIDE."""
    seeds = [seed * SELFIES + place for place in range(SELFIES)]
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
    """Write centred on a tile's width."""
    place = (left + SIDE / 2, middle)
    ImageDraw.Draw(image).text(place, text, INK, ImageFont.load_default(13), anchor="mm")
