"""A team's own people, streamed from disk: a picture is read when a batch needs it."""

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
from avatar.saving import save_picture
from avatar.selfies import SELFIE_SIZE, read_selfie
from distillation.data.own_folder import Person, read_folder
from distillation.errors import DataError
from support.images import to_pixels

AVATAR_SIZE = 256

RESIZED = "pictures"
"""Folder of a run that caches pictures at the networks' sizes."""


@dataclass(frozen=True, kw_only=True)
class PictureCache:
    """A folder of pictures at the sizes that networks take, each made when first asked for.

    Decoding and shrinking a phone's photo takes a third of a second, every time that a step uses
    it; reading the resized file takes a millisecond.
    """

    folder: Path

    def pixels(self, path: Path, size: int) -> NDArray[np.uint8]:
        """The centre square of a picture as (size,size,3) uint8 sRGB, transparency on white.

        Raises:
            SelfieError: The file is not a picture that can be read; the message names it.
            DataError: The file cannot be read any more; the message names it.
        """
        name = hashlib.sha256(fingerprint(path) + str(size).encode()).hexdigest()
        resized = self.folder / name[:2] / f"{name}.png"
        if not resized.exists():
            resized.parent.mkdir(parents=True, exist_ok=True)
            save_picture(to_pixels(read_selfie(path, size)), resized)
        with Image.open(resized) as image:
            return np.asarray(image)


def fingerprint(path: Path) -> bytes:
    """A hash of a file's path, size and modification time; reading it all would take too long.

    Raises:
        DataError: The file is not there any more.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read any more ({error.strerror})") from error
    numbers = f"\0{status.st_size}\0{status.st_mtime_ns}"
    return hashlib.sha256(os.fsencode(path) + numbers.encode()).digest()


@dataclass(frozen=True, kw_only=True)
class DrawingFile:
    """One drawing in a file of any size.

    Attributes:
        person: Index of the person.
        style: Index of the style.
        path: The file.
        cache: Where the resized picture is kept.
    """

    person: int
    style: int
    path: Path
    cache: PictureCache = field(repr=False)

    def pixels(self) -> NDArray[np.uint8]:
        """The drawing, (256,256,3) uint8 sRGB."""
        return self.cache.pixels(self.path, AVATAR_SIZE)

    def digest(self) -> bytes:
        """A hash that changes when the file changes."""
        return fingerprint(self.path)


class OwnPeople:
    """Training data from a folder as `own_folder.read_folder` lists it.

    The people have no labels. Each has at least one selfie and is drawn in at least one style.
    """

    labels = None

    def __init__(
        self, people: Sequence[Person], styles: tuple[DesignerStyle, ...], cache: Path
    ) -> None:
        """Take the files of `people`; `cache` is the folder for resized pictures."""
        self.styles = styles
        self.cache = PictureCache(folder=cache)
        self.files = [person.selfies for person in people]
        self.selfie_counts = np.array([len(files) for files in self.files])
        self.drawings = [
            DrawingFile(person=index, style=style, path=path, cache=self.cache)
            for index, person in enumerate(people)
            for style, path in person.drawings
        ]

    def __len__(self) -> int:
        """The number of people."""
        return len(self.files)

    def selfie(self, person: int, index: int) -> NDArray[np.uint8]:
        """One selfie of a person, (3,128,128) uint8 sRGB."""
        return self.cache.pixels(self.files[person][index], SELFIE_SIZE).transpose(2, 0, 1)


def open_own_people(
    folder: Path, *, run: Path, limit: int | None = None
) -> tuple[OwnPeople, OwnPeople]:
    """Open a team's folder.

    Args:
        folder: A folder as `own_folder` describes it.
        run: Folder of the run that keeps resized pictures.
        limit: Train on only so many people.

    Returns:
        The people to train on, and the held-out people.

    Raises:
        DataError: The folder lacks something.
        StylesError: The folder's list of styles cannot be used.
        SelfieError: The header of a picture is not one that can be read.
    """
    found = read_folder(folder)
    groups = (found.trained[:limit], found.held_out)
    trained, held_out = (OwnPeople(group, found.styles, run / RESIZED) for group in groups)
    return trained, held_out
