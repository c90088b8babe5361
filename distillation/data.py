"""People to train on: what tasks ask of them, and the made-up ones, held in memory, their selfies
as pixels and their avatars as the encoded files they are. `own_people.py` has those of a team."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar.people import ATTRIBUTES, STYLES, DesignerStyle, Identity, PersonRecord, read_shards
from avatar.selfies import SELFIE_SIZE
from distillation.errors import DataError

HELD_OUT = 100_000
"""People whose seed is below this are held out: no training command draws one of them."""

STYLE_INDEX = {style.name: index for index, style in enumerate(STYLES)}


class Drawing(Protocol):
    """One drawing: of whom, and in which style."""

    @property
    def person(self) -> int: ...

    @property
    def style(self) -> int: ...

    def pixels(self) -> NDArray[np.uint8]:
        """(256,256,3) uint8 sRGB."""
        ...

    def digest(self) -> bytes:
        """Other bytes where the drawing is another."""
        ...


class TrainingData(Protocol):
    """People, their selfies and drawings of them, wherever the pictures lie."""

    @property
    def styles(self) -> tuple[DesignerStyle, ...]:
        """What the drawings' style indices stand for."""
        ...

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """(people, attributes); None where nobody has labelled them."""
        ...

    @property
    def selfie_counts(self) -> NDArray[np.int64]:
        """(people,), each at least 1, or all 0."""
        ...

    @property
    def avatars(self) -> Sequence[Drawing]:
        """All drawings in a fixed order, person by person."""
        ...

    def selfie(self, person: int, number: int) -> NDArray[np.uint8]:
        """Selfie `number` of a person, (3,128,128) sRGB."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class DrawnAvatar:
    """One drawing: whose (index into `People.identities`), in which style, and the PNG file."""

    person: int
    style: int
    png: bytes

    def pixels(self) -> NDArray[np.uint8]:
        """(256,256,3) uint8 sRGB."""
        return np.asarray(Image.open(io.BytesIO(self.png)).convert("RGB"))

    def digest(self) -> bytes:
        return hashlib.sha256(self.png).digest()


class People:
    """`identities`; `labels` (people, attributes) int64; `selfies` (people, n, 3, 128, 128) uint8;
    `avatars`, all drawings of all of them in a fixed order."""

    styles = STYLES

    def __init__(
        self, selfies: Path | None, drawings: Path | None, *, limit: int | None = None
    ) -> None:
        """Read shards of selfies and of drawings, as `python -m avatar people --out DIR` writes.

        One folder may serve for both, or either be absent; people are those that all folders hold,
        the first `limit` of them. Raises `DataError`.
        """
        self.identities: list[Identity] = []
        self.avatars: list[DrawnAvatar] = []
        pictures = []
        for seen, drawn in islice(_paired(selfies, drawings), limit):
            if seen.identity != drawn.identity:
                raise DataError(
                    f"person {seen.number} is somebody else in {selfies} than {drawings}"
                )
            for style, files in drawn.avatars.items() if drawings else ():
                self.avatars += [
                    DrawnAvatar(person=len(self.identities), style=STYLE_INDEX[style], png=png)
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
        return len(self.identities)

    def selfie(self, person: int, number: int) -> NDArray[np.uint8]:
        return self.selfies[person, number]


def _paired(
    selfies: Path | None, drawings: Path | None
) -> Iterator[tuple[PersonRecord, PersonRecord]]:
    """The same people from both folders; where they are one, or one is absent, each twice."""
    if selfies is None or drawings is None or selfies == drawings:
        folder = selfies or drawings
        assert folder is not None, "a folder of selfies, of drawings, or both"
        yield from ((record, record) for record in read_shards(folder))
    else:
        yield from zip(read_shards(selfies), read_shards(drawings), strict=False)


def _planes(file: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).transpose(2, 0, 1)


CLASS_COUNTS = tuple(len(classes) for classes in ATTRIBUTES.values())
"""Classes of each labelled attribute, in the order of `People.labels`' columns."""
