"""People to train on, held in memory: selfies as pixels, avatars as the encoded files they are."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar.identity_encoder import SELFIE_SIZE
from avatar.people.identity import ATTRIBUTES, Identity
from avatar.people.shards import read_shards
from avatar.people.styles import STYLES
from distillation.errors import DataError

HELD_OUT = 100_000
"""People whose seed is below this are held out: no training command draws one of them."""

STYLE_INDEX = {style.name: index for index, style in enumerate(STYLES)}


@dataclass(frozen=True, kw_only=True)
class DrawnAvatar:
    """One drawing: whose (index into `People.identities`), in which style, and the PNG file."""

    person: int
    style: int
    png: bytes

    def pixels(self) -> NDArray[np.uint8]:
        """(256,256,3) uint8 sRGB."""
        return np.asarray(Image.open(io.BytesIO(self.png)).convert("RGB"))


class People:
    """`identities`; `labels` (people, attributes) int64; `selfies` (people, n, 3, 128, 128) uint8;
    `avatars`, all drawings of all of them in a fixed order."""

    def __init__(self, folder: Path, *, limit: int | None = None, avatars: bool = True) -> None:
        """Read shards that `python -m avatar people --out DIR` wrote; raises `DataError`."""
        self.identities: list[Identity] = []
        self.avatars: list[DrawnAvatar] = []
        selfies = []
        for record in read_shards(folder):
            if limit is not None and len(self.identities) >= limit:
                break
            for style, files in record.avatars.items() if avatars else ():
                self.avatars += [
                    DrawnAvatar(person=len(self.identities), style=STYLE_INDEX[style], png=png)
                    for png in files
                ]
            self.identities.append(record.identity)
            files = [_planes(file) for file in record.selfies]
            selfies.append(np.array(files, np.uint8).reshape(-1, 3, SELFIE_SIZE, SELFIE_SIZE))
        if not selfies:
            raise DataError(f"{folder} holds no people; make some: python -m avatar people --help")
        self.selfies = np.stack(selfies)
        self.labels = np.array([list(person.labels.values()) for person in self.identities])

    def __len__(self) -> int:
        return len(self.identities)


def _planes(file: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).transpose(2, 0, 1)


CLASS_COUNTS = tuple(len(classes) for classes in ATTRIBUTES.values())
"""Classes of each labelled attribute, in the order of `People.labels`' columns."""
