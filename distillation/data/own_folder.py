"""The folder of a team's own people, read by names and headers; no picture in it is decoded.

    styles.json                     the styles, as `avatar/styles_file.py` reads them
    people/ID/selfies/*             pictures of one person, as `python -m avatar create` takes them
    people/ID/avatars/STYLE/*       drawings of that person, in styles that styles.json names

Files and folders whose names begin with a dot are ignored, and so is `__MACOSX`. A placeholder of a
file that is in iCloud only is an error, because that picture would be missed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from avatar.errors import SelfieError
from avatar.people import DesignerStyle
from avatar.selfies import check_header, read_selfie
from avatar.styles_file import STYLES_FILE, read_styles
from distillation.errors import DataError
from support.found_files import describe, is_system_file

HELD_OUT_SHARE = 0.05
"""Share of people that are held out; where that is less than one person, one is held out."""

FORMATS = "PNG, JPEG, WebP or HEIC"


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person's files.

    Attributes:
        name: Name of the person's folder.
        selfies: Picture files.
        drawings: For each drawing the index of its style and its file.
    """

    name: str
    selfies: tuple[Path, ...]
    drawings: tuple[tuple[int, Path], ...]

    @property
    def files(self) -> list[Path]:
        """All picture files of the person."""
        return [*self.selfies, *(path for _, path in self.drawings)]


@dataclass(frozen=True, kw_only=True)
class OwnFolder:
    """What a folder holds; the order of people depends on their names only.

    Attributes:
        styles: The styles, by index.
        trained: People to train on.
        held_out: People that are never trained on.
    """

    styles: tuple[DesignerStyle, ...]
    trained: tuple[Person, ...]
    held_out: tuple[Person, ...]


def read_folder(folder: Path) -> OwnFolder:
    """List a folder, and check its names and the headers of its pictures.

    Raises:
        DataError: A file or folder is missing or has a name that nothing declares.
        StylesError: `styles.json` cannot be read, or lacks something.
        SelfieError: The header of a picture is not one that can be read.
            Each message names the file or folder, what was expected, and what to do.
    """
    styles = read_styles(folder / STYLES_FILE)
    names = {style.name: index for index, style in enumerate(styles)}
    people = [_person(path, names) for path in _entries(folder / "people") if path.is_dir()]
    if len(people) < 2:
        raise DataError(
            f"{folder / 'people'}: {len(people)} people, expected at least two, one to train on "
            "and one to hold out; make a folder ID/ for each, with selfies/ and avatars/STYLE/"
        )
    trained, held_out = split(people)
    seen = {style for person in trained for style, _ in person.drawings}
    for style in styles:
        if names[style.name] not in seen:
            raise DataError(
                f"{folder / STYLES_FILE}: nobody to train on is drawn in {style.name}; add "
                f"drawings as people/ID/avatars/{style.name}/*, or take the style out"
            )
    for person in people:
        for path in person.files:
            check_header(path)
    return OwnFolder(styles=styles, trained=tuple(trained), held_out=tuple(held_out))


def split(people: Sequence[Person]) -> tuple[list[Person], list[Person]]:
    """Split people into those to train on and those held out.

    A person is held out where the hash of their name, as a number in [0,1), is below
    `HELD_OUT_SHARE`; at least one person is, and at least one is not. Adding people moves nobody
    across, except where only one person was held out for want of a smaller hash.
    """
    ranked = sorted(people, key=_rank)
    count = sum(_rank(person) < HELD_OUT_SHARE for person in ranked)
    count = min(max(count, 1), len(ranked) - 1)
    return ranked[count:], ranked[:count]


def unreadable(folder: OwnFolder) -> Iterator[str]:
    """Decode every picture, and yield one line for each that cannot be read."""

    def problem(path: Path) -> str | None:
        try:
            read_selfie(path)
        except SelfieError as error:
            return f"{error}; replace it or take it out"
        return None

    files = [path for person in (*folder.trained, *folder.held_out) for path in person.files]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoders release the interpreter's lock
        yield from filter(None, pool.map(problem, files))


def _rank(person: Person) -> float:
    """A number in [0,1) from the hash of the person's name."""
    digest = hashlib.sha256(os.fsencode(person.name)).digest()
    return int.from_bytes(digest[:6]) / 2**48


def _person(folder: Path, styles: dict[str, int]) -> Person:
    """List one person's folder; `styles` maps names to indices."""
    selfies = _entries(folder / "selfies")
    if not selfies:
        raise DataError(
            f"{folder / 'selfies'}: no selfies; expected at least one picture of the person "
            f"({FORMATS}), add one or take the person out"
        )
    drawings = []
    for path in _entries(folder / "avatars"):
        if path.name not in styles:
            raise DataError(
                f"{path}: {STYLES_FILE} has no style of that name, expected one of "
                f"{', '.join(styles)}; rename the folder or declare the style"
            )
        drawings += [(styles[path.name], file) for file in _entries(path)]
    if not drawings:
        raise DataError(
            f"{folder / 'avatars'}: no drawings; expected at least one as STYLE/NAME.png, add one "
            "or take the person out"
        )
    drawings.sort(key=lambda drawing: drawing[0])
    return Person(name=folder.name, selfies=tuple(selfies), drawings=tuple(drawings))


def _entries(folder: Path) -> list[Path]:
    """The entries of a folder, sorted by name; none where there is no folder.

    Raises:
        DataError: It is not a folder, or may not be read.
    """
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(
            f"{folder}: expected a folder that can be read ({error.strerror})"
        ) from None
    for path in paths:
        if path.suffix == ".icloud":
            what, advice = describe(path)
            raise DataError(f"{path}: {what}; {advice}, or take it out")
    return [path for path in paths if not is_system_file(path.name)]
