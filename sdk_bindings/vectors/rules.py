"""Sets of selfies, good and bad, with their measures and the refusals of the selfie rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from avatar.selfies import (
    MAX_SELFIES,
    SELFIE_SIZE,
    Face,
    Photo,
    measures,
    nearest,
    prepare_selfie,
    refusals_of,
    rules_to_dicts,
)
from sdk_bindings.languages import ROOM
from support.images import to_8_bit

FOLDER = "selfies"
SAMPLES = ROOM.parent / "docs" / "samples"
GOOD = ("selfie-1", "selfie-2", "selfie-3")

CENTRED = {"left": 32.0, "top": 30.0, "width": 70.0, "height": 70.0}
SMALL = {"left": 50.0, "top": 50.0, "width": 20.0, "height": 20.0}
ASIDE = {"left": 0.0, "top": 0.0, "width": 60.0, "height": 60.0}


def files() -> dict[str, bytes]:
    """PNG files by name: the sample selfies, and the first of them spoiled in several ways."""
    samples = {name: (SAMPLES / f"{name}.png").read_bytes() for name in GOOD}
    first = Image.open(BytesIO(samples[GOOD[0]])).convert("RGB")
    spoiled = {name: _png(spoil(first)) for name, spoil in _SPOILS.items()}
    return samples | spoiled


def _each(law: Callable[[np.ndarray], np.ndarray]) -> Callable[[Image.Image], Image.Image]:
    """Apply a law of values in [0,1] to every sample of a picture."""

    def apply(image: Image.Image) -> Image.Image:
        values = law(np.asarray(image) / 255)
        return Image.fromarray(to_8_bit(values))

    return apply


_SPOILS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "dark": _each(lambda x: 0.2 * x),
    "bright": _each(lambda x: 0.85 + 0.15 * x),
    "flat": _each(lambda x: 0.5 + 0.1 * (x - 0.5)),
    "grey": _each(lambda x: 0 * x + 0.5),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(4)),
    "again": _each(lambda x: x + 0.02),
    "small": lambda image: image.resize((110, 127), Image.Resampling.BICUBIC),
}

Boxes = list[list[dict[str, float]]]

_CASES: dict[str, tuple[tuple[str, ...], Boxes | None]] = {
    "good": (GOOD, None),
    "good with faces": (GOOD, [[CENTRED]] * 3),
    "none": ((), None),
    "eleven": (("selfie-1", "dark") * 5 + ("selfie-1",), None),
    "spoiled": (("dark", "bright", "flat", "grey", "blurred", "small"), None),
    "nearly the same": (("selfie-1", "selfie-2", "again", "selfie-2"), None),
    "no face, two, small, aside": (
        ("selfie-1", "selfie-2", "selfie-3", "dark"),
        [[], [CENTRED, SMALL], [SMALL], [ASIDE]],
    ),
}


def rule_cases() -> dict[str, Any]:
    """The rules and the cases as JSON values.

    The size and number of selfies that they are of; the rules with their limits; for each case its
    files, faces (None: nobody looked), measures of each selfie, and refusals.
    """
    known = {name: Image.open(BytesIO(data)).convert("RGB") for name, data in files().items()}
    return {
        "size": SELFIE_SIZE,
        "places": MAX_SELFIES,
        "rules": rules_to_dicts(),
        "cases": [_case(name, known, *case) for name, case in _CASES.items()],
    }


def _case(
    name: str, known: Mapping[str, Image.Image], names: tuple[str, ...], faces: Boxes | None
) -> dict[str, Any]:
    boxes: list[Any] = [None] * len(names) if faces is None else faces
    photos = [_photo(known[file], found) for file, found in zip(names, boxes, strict=True)]
    refusals = [asdict(refusal) for refusal in refusals_of(photos)]
    for refusal in refusals:
        del refusal["message"]  # each language words its own
    return {
        "name": name,
        "selfies": [f"{FOLDER}/{file}.png" for file in names],
        "faces": faces,
        "measures": [_measures(photos, i) for i in range(len(photos))],
        "refusals": refusals,
    }


def _measures(photos: list[Photo], index: int) -> dict[str, float]:
    least = {"difference": nearest(photos[:index], photos[index])[0]} if index else {}
    return measures(photos[index]) | least


def _photo(image: Image.Image, faces: list[dict[str, float]] | None) -> Photo:
    return Photo(
        width=image.width,
        height=image.height,
        pixels=prepare_selfie(image),
        faces=None if faces is None else [Face(**box) for box in faces],
    )


def _png(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def write_selfies(folder: Path) -> None:
    """Create `folder` and write the files of all cases into it."""
    folder.mkdir(parents=True)
    for name, data in files().items():
        (folder / f"{name}.png").write_bytes(data)
