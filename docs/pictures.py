"""Makes the pictures of the documentation: `python -m docs.pictures`.

`docs/samples/` gets selfies of one person, for the README's example. `docs/readme.png` shows people
that the shipped checkpoint was not trained on: their selfies on the left, avatars on the right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar import shipped
from avatar.__main__ import PYTORCH, open_model
from avatar.people import sample_identity
from avatar.people.renderer import render
from avatar.saving import save_picture
from avatar.selfies import read_selfies
from support.images import on_8_bit_grid, to_pixels

DOCS = Path(__file__).parent
SAMPLES = DOCS / "samples"

# Seeds below 100,000 are never trained on (`distillation.data.HELD_OUT`).
SAMPLE_PERSON = 2
PEOPLE = (2, 5, 11, 23, 4, 8)
SELFIES = 3
SELFIE_SEEDS = 1000
CELL, GAP = 128, 8


def selfies_of(person: int, count: int) -> NDArray[np.float32]:
    """Rendered selfies (count,3,128,128) float32 in [0,1], rounded as an 8-bit file rounds them."""
    seeds = [person * SELFIE_SEEDS + index for index in range(count)]
    pictures = render([sample_identity(person)] * count, seeds)
    return on_8_bit_grid(pictures)


def write_samples() -> list[Path]:
    """Write the sample selfies; returns their files."""
    SAMPLES.mkdir(exist_ok=True)
    files = [SAMPLES / f"selfie-{index + 1}.png" for index in range(SELFIES)]
    for file, selfie in zip(files, selfies_of(SAMPLE_PERSON, SELFIES), strict=True):
        save_picture(to_pixels(selfie), file)
    return files


def row(person: int) -> list[Image.Image]:
    """One person's selfies, and one avatar in every style."""
    model = open_model(PYTORCH, shipped.CHECKPOINT, None)
    selfies = selfies_of(person, SELFIES)
    avatars = [
        next(iter(model.draw(selfies, style, [person]))) for style in range(len(model.styles))
    ]
    return [Image.fromarray(to_pixels(picture)) for picture in (*selfies, *avatars)]


def sheet(rows: list[list[Image.Image]]) -> NDArray[np.uint8]:
    """Join rows of pictures on white, with a wider gap between selfies and avatars; (h,w,3)."""
    step = CELL + GAP
    page = Image.new("RGB", (len(rows[0]) * step + 2 * GAP, len(rows) * step + GAP), "white")
    for y, pictures in enumerate(rows):
        for x, picture in enumerate(pictures):
            left = GAP + x * step + (GAP if x >= SELFIES else 0)
            page.paste(
                picture.resize((CELL, CELL), Image.Resampling.LANCZOS), (left, GAP + y * step)
            )
    return np.asarray(page)


def main() -> None:
    """Write all pictures, and print the names of the files."""
    files = write_samples()
    read_selfies(files)  # the README's example must be able to read them
    save_picture(sheet([row(person) for person in PEOPLE]), DOCS / "readme.png")
    print(*files, DOCS / "readme.png", sep="\n")


if __name__ == "__main__":
    main()
