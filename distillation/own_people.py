"""A team's own people to train on, streamed from disk: a picture is read when a batch needs it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar.people import DesignerStyle
from avatar.picture_output import save_picture
from avatar.selfies import SELFIE_SIZE, read_selfie
from distillation.errors import DataError
from distillation.own_folder import Person, read_folder
from support.images import to_pixels

AVATAR_SIZE = 256

PREPARED = "pictures"
"""Folder of a run that keeps pictures at the networks' sizes."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Pictures at the size a network takes, made when first asked for and kept as files.

    A phone's photo takes a third of a second to decode and shrink, at every step that shows it; the
    file kept of it takes a millisecond.
    """

    folder: Path

    def pixels(self, path: Path, size: int) -> NDArray[np.uint8]:
        """A picture's centre square as (size,size,3) sRGB, transparency laid on white.

        Raises `SelfieError` or `DataError`, which name the file, where it cannot be read.
        """
        name = hashlib.sha256(fingerprint(path) + str(size).encode()).hexdigest()
        kept = self.folder / name[:2] / f"{name}.png"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            save_picture(to_pixels(read_selfie(path, size)), kept)
        with Image.open(kept) as image:
            return np.asarray(image)


def fingerprint(path: Path) -> bytes:
    """What changes when a file does: place, size and time. Reading it all would take too long."""
    try:
        about = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read any more ({error.strerror})") from error
    numbers = f"\0{about.st_size}\0{about.st_mtime_ns}"
    return hashlib.sha256(os.fsencode(path) + numbers.encode()).digest()


@dataclass(frozen=True, kw_only=True)
class DrawingFile:
    """A drawing of a person (index) in a style (index), in a file of any size."""

    person: int
    style: int
    path: Path
    prepared: Prepared = field(repr=False)

    def pixels(self) -> NDArray[np.uint8]:
        """(256,256,3) uint8 sRGB."""
        return self.prepared.pixels(self.path, AVATAR_SIZE)

    def digest(self) -> bytes:
        return fingerprint(self.path)


class OwnPeople:
    """People of `own_folder.read_folder`, as tasks take them (`data.TrainingData`): no labels, and
    each with as many selfies as there are, drawn in one style at least."""

    labels = None

    def __init__(
        self, people: Sequence[Person], styles: tuple[DesignerStyle, ...], keep: Path
    ) -> None:
        """`keep` is the folder for prepared pictures."""
        self.styles = styles
        self.prepared = Prepared(folder=keep)
        self.files = [person.selfies for person in people]
        self.selfie_counts = np.array([len(files) for files in self.files])
        self.avatars = [
            DrawingFile(person=index, style=style, path=path, prepared=self.prepared)
            for index, person in enumerate(people)
            for style, path in person.drawings
        ]

    def __len__(self) -> int:
        return len(self.files)

    def selfie(self, person: int, number: int) -> NDArray[np.uint8]:
        """(3,128,128) sRGB."""
        return self.prepared.pixels(self.files[person][number], SELFIE_SIZE).transpose(2, 0, 1)


def open_own(folder: Path, *, keep: Path, limit: int | None = None) -> tuple[OwnPeople, OwnPeople]:
    """The first `limit` people to train on, and the held-out ones; raises what `read_folder`
    does. `keep` is the run whose folder keeps prepared pictures."""
    found = read_folder(folder)
    groups = (found.trained[:limit], found.held_out)
    trained, held_out = (OwnPeople(group, found.styles, keep / PREPARED) for group in groups)
    return trained, held_out
