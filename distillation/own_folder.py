"""The folder of a team's own people, read by names and headers; no picture in it is decoded.

    styles.json                     the styles, as `avatar/styles.py` reads them
    people/ID/selfies/*             pictures of one person, as `python -m avatar create` takes them
    people/ID/avatars/STYLE/*       drawings of that person, in styles that styles.json names

What a name that begins with a dot stands for is no part of it.
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
from avatar.styles import STYLES_FILE, read_styles
from distillation.errors import DataError

HELD_OUT_SHARE = 0.05
"""Share of people that are never trained on; of few people, one is."""

FORMATS = "PNG, JPEG, WebP or HEIC"


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person's files. `name` is the folder's; a drawing is a style's index and a file."""

    name: str
    selfies: tuple[Path, ...]
    drawings: tuple[tuple[int, Path], ...]

    @property
    def files(self) -> list[Path]:
        return [*self.selfies, *(path for _, path in self.drawings)]


@dataclass(frozen=True, kw_only=True)
class OwnFolder:
    """People to train on, and people held out, each in an order that only their names decide."""

    styles: tuple[DesignerStyle, ...]
    trained: tuple[Person, ...]
    held_out: tuple[Person, ...]


def read_folder(folder: Path) -> OwnFolder:
    """List a folder and check it as far as names and the headers of pictures tell.

    Raises `DataError`, `StylesError`, or `SelfieError` of a picture; each names the file or folder,
    what was expected, and what to do.
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
    """People to train on, and held-out ones: those whose rank is below `HELD_OUT_SHARE`, at least
    one and not all. Further people never move one across, but where it was the only one."""
    ranked = sorted(people, key=_rank)
    count = sum(_rank(person) < HELD_OUT_SHARE for person in ranked)
    count = min(max(count, 1), len(ranked) - 1)
    return ranked[count:], ranked[:count]


def unreadable(folder: OwnFolder) -> Iterator[str]:
    """Decode every picture; one line for each that training would stop at."""

    def trouble(path: Path) -> str | None:
        try:
            read_selfie(path)
        except SelfieError as error:
            return f"{error}; replace it or take it out"
        return None

    files = [path for person in (*folder.trained, *folder.held_out) for path in person.files]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoders release the interpreter's lock
        yield from filter(None, pool.map(trouble, files))


def _rank(person: Person) -> float:
    """Where in [0,1) a person stands, by the hash of the name alone."""
    digest = hashlib.sha256(os.fsencode(person.name)).digest()
    return int.from_bytes(digest[:6]) / 2**48


def _person(folder: Path, styles: dict[str, int]) -> Person:
    """One person's files; `styles` are indices by name."""
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
    """What lies in a folder, by name; nothing where there is no folder. Raises `DataError`."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(
            f"{folder}: expected a folder that can be read ({error.strerror})"
        ) from None
