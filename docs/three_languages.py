"""One avatar, drawn by Python, Kotlin and Swift: `python -m docs.three_languages`.

Writes `docs/three_languages.png` and prints the PSNR between the pictures. Both libraries must be
built (`make toolchains`, `make test ARGS=tests/sdk_bindings`), and the artifact must be in
`dist/onnx`.
"""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from avatar import shipped
from avatar.__main__ import open_model
from avatar.saving import save_avatar
from avatar.selfies import read_selfies
from avatar.styles_file import style_index
from components.metrics import psnr
from sdk_bindings.languages import KOTLIN, ROOM, SWIFT
from support.images import to_pixels

DOCS = Path(__file__).parent
PICTURE = DOCS / "three_languages.png"
SELFIES = sorted((DOCS / "samples").glob("*.png"))
STYLE, SEED = "avataaars", 5
SIDE, GAP, TITLE = 256, 12, 28
NAMES = ("Python", "Kotlin", "Swift")

Pixels = NDArray[np.uint8]


def by_python(artifact: Path) -> Pixels:
    """The avatar by Python's ONNX pipeline, (256,256,3)."""
    model = open_model("onnx", shipped.CHECKPOINT, artifact)
    (avatar,) = model.draw(read_selfies(SELFIES), style_index(model.styles, STYLE), [SEED])
    return to_pixels(avatar)


def by_kotlin(artifact: Path, library: Path = KOTLIN.library) -> Pixels:
    """The avatar by the Kotlin library's example on the JVM, (256,256,3)."""
    jar = library / "example" / "target" / "avatar-example.jar"
    return _example(["java", "-jar", str(jar), "--artifact", str(artifact)])


def by_swift(artifact: Path, room: Path = ROOM) -> Pixels:
    """The avatar by the Swift library's example on Linux, (256,256,3)."""
    run = room / "toolchains" / "swift-run"
    program = room / SWIFT.name / ".build" / "release" / "avatar-example"
    return _example([str(run), str(program), "--model", str(artifact)])


def _example(command: list[str]) -> Pixels:
    # The folder is below `dist`, because every toolchain can write there.
    with TemporaryDirectory(dir=PICTURE.parents[1] / "dist") as folder:
        out = Path(folder) / "me.png"
        options = ["--style", STYLE, "--plus", "--seed", str(SEED), "--out", str(out)]
        line = [*command, *options, *map(str, SELFIES)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{command[0]}: {done.stderr[-1000:]}")
        with Image.open(out) as picture:
            return np.asarray(picture.convert("RGB"))


def side_by_side(pictures: list[Pixels]) -> Pixels:
    """Join three pictures, with the name of its language above each."""
    page = Image.new("RGB", (3 * SIDE + 4 * GAP, SIDE + TITLE + GAP), "white")
    pen = ImageDraw.Draw(page)
    for index, (name, picture) in enumerate(zip(NAMES, pictures, strict=True)):
        left = _left(index)
        pen.text((left, 6), name, fill="black", font_size=16)
        page.paste(Image.fromarray(picture), (left, TITLE))
    return np.asarray(page)


def panels(page: Pixels) -> list[Pixels]:
    """The inverse of `side_by_side`."""
    return [page[TITLE : TITLE + SIDE, _left(i) : _left(i) + SIDE] for i in range(len(NAMES))]


def apart(one: Pixels, other: Pixels) -> float:
    """PSNR in dB with peak 1; infinite where all pixels are equal."""
    return psnr(one.astype(np.float64) / 255, other.astype(np.float64) / 255, peak=1)


def _left(index: int) -> int:
    return GAP + index * (SIDE + GAP)


def main() -> None:
    """Draw the avatars, write the picture, and print the PSNR of each pair."""
    artifact = (DOCS.parent / "dist" / "onnx").resolve()
    pictures = [by_python(artifact), by_kotlin(artifact), by_swift(artifact)]
    save_avatar(side_by_side(pictures), PICTURE)
    for (name, one), (other_name, other) in combinations(zip(NAMES, pictures, strict=True), 2):
        print(f"{name} and {other_name}: {apart(one, other):.1f} dB")
    print(PICTURE)


if __name__ == "__main__":
    main()
