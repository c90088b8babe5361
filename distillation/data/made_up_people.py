"""Made-up people, read from shards and held in memory.

Selfies are held as pixels, because every step uses some of them; drawings stay encoded as PNG.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar.people import ATTRIBUTES, STYLES, Identity, PersonRecord, read_shards
from avatar.selfies import SELFIE_SIZE
from distillation.errors import DataError

HELD_OUT = 100_000
"""People whose seed is below this are held out: no training command uses one of them."""

STYLE_INDEX = {style.name: index for index, style in enumerate(STYLES)}

CLASS_COUNTS = tuple(len(classes) for classes in ATTRIBUTES.values())
"""Number of classes of each labelled attribute, in the order of the columns of `labels`."""


@dataclass(frozen=True, kw_only=True)
class PngDrawing:
    """One drawing of a made-up person.

    Attributes:
        person: Index of the person.
        style: Index of the style.
        png: Content of the PNG file.
    """

    person: int
    style: int
    png: bytes

    def pixels(self) -> NDArray[np.uint8]:
        """The drawing, (256,256,3) uint8 sRGB."""
        return np.asarray(Image.open(io.BytesIO(self.png)).convert("RGB"))

    def digest(self) -> bytes:
        """The SHA-256 of the file."""
        return hashlib.sha256(self.png).digest()


class MadeUpPeople:
    """Training data from shards, as `python -m avatar people --count N --out DIR` writes them.

    Attributes:
        identities: Who each person is.
        labels: Class indices (people, attributes) int64.
        selfies: All selfies, (people,n,3,128,128) uint8 sRGB.
        drawings: All drawings in a fixed order, person by person.
    """

    styles = STYLES

    def __init__(
        self, selfies: Path | None, drawings: Path | None, *, limit: int | None = None
    ) -> None:
        """Read a folder of selfies and a folder of drawings of the same people.

        Args:
            selfies: Folder of shards with selfies, or None for people without selfies.
            drawings: Folder of shards with drawings, or None; may be the same folder as `selfies`.
            limit: Read only so many people, the first ones that both folders hold.

        Raises:
            DataError: The folders hold different people, or no people.
            ShardError: A folder is missing, incomplete or damaged.
        """
        self.identities: list[Identity] = []
        self.drawings: list[PngDrawing] = []
        pictures = []
        for seen, drawn in islice(_paired(selfies, drawings), limit):
            if seen.identity != drawn.identity:
                raise DataError(
                    f"person {seen.number} is somebody else in {selfies} than in {drawings}"
                )
            for style, files in drawn.avatars.items() if drawings else ():
                self.drawings += [
                    PngDrawing(person=len(self.identities), style=STYLE_INDEX[style], png=png)
                    for png in files
                ]
            self.identities.append(seen.identity)
            planes = [_planes(file) for file in seen.selfies] if selfies else []
            pictures.append(np.array(planes, np.uint8).reshape(-1, 3, SELFIE_SIZE, SELFIE_SIZE))
        if not pictures:
            raise DataError(f"{selfies or drawings} holds no people")
        self.selfies = np.stack(pictures)
        self.selfie_counts = np.full(len(self.selfies), self.selfies.shape[1])
        self.labels = np.array([list(person.labels.values()) for person in self.identities])

    def __len__(self) -> int:
        """The number of people."""
        return len(self.identities)

    def selfie(self, person: int, index: int) -> NDArray[np.uint8]:
        """One selfie of a person, (3,128,128) uint8 sRGB."""
        return self.selfies[person, index]


def _paired(
    selfies: Path | None, drawings: Path | None
) -> Iterator[tuple[PersonRecord, PersonRecord]]:
    """Each person as both folders hold them; where there is only one folder, its record twice."""
    if selfies is None or drawings is None or selfies == drawings:
        folder = selfies or drawings
        assert folder is not None, "a folder of selfies, of drawings, or both"
        yield from ((record, record) for record in read_shards(folder))
    else:
        yield from zip(read_shards(selfies), read_shards(drawings), strict=False)


def _planes(file: bytes) -> NDArray[np.uint8]:
    """An encoded picture as (3,h,w) uint8."""
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).transpose(2, 0, 1)
