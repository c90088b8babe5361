"""Writing avatars and other pictures to PNG and JPEG files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar import ai_label
from avatar.errors import OutputError
from support import atomic
from support.publish import locked

SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""Suffixes of the files that can be written, and Pillow's name of each format."""


def output_files(out: Path, count: int) -> list[Path]:
    """The files for `count` avatars: `me.png`, or `me-1.png`, `me-2.png`, … for several.

    Raises:
        OutputError: Nothing can be written there; this is known before any work is done.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"{out}: cannot write {out.suffix or 'a file without suffix'}; "
            f"expected one of {', '.join(SUFFIXES)}"
        )
    if not out.parent.is_dir():
        raise OutputError(f"{out}: there is no folder {out.parent}")
    if not os.access(out.parent, os.W_OK):
        raise OutputError(f"{out}: the folder {out.parent} may not be written")
    digits = len(str(count))
    files = (
        [out]
        if count == 1
        else [
            out.with_name(f"{out.stem}-{number:0{digits}d}{out.suffix}")
            for number in range(1, count + 1)
        ]
    )
    for file in files:
        if file.is_dir():
            raise OutputError(f"{file}: is a folder")
    return files


def save_avatars(
    pictures: Iterable[NDArray[np.uint8]], files: Sequence[Path], on_wait: Callable[[], None]
) -> None:
    """Write the avatars of one call, so that two calls into the same files never mix theirs.

    Args:
        pictures: (h,w,3) uint8 sRGB each.
        files: A file for each.
        on_wait: Called once when another call has to be waited for.

    Raises:
        OutputError: A file cannot be written.
    """
    # One file is written in one step anyway.
    alone = len(files) == 1
    with nullcontext() if alone else locked(files[0], on_wait, beside=False):
        for picture, file in zip(pictures, files, strict=True):
            save_avatar(picture, file)


def save_avatar(pixels: NDArray[np.uint8], file: Path) -> None:
    """Write a picture as `save_picture` does, with the label that says it was made by AI."""
    save_picture(pixels, file, **ai_label.save_options(SUFFIXES[file.suffix.lower()]))


def save_picture(pixels: NDArray[np.uint8], file: Path, **metadata: Any) -> None:
    """Write a picture as PNG or JPEG, by the file's suffix, in one step.

    Args:
        pixels: (h,w,3) uint8 sRGB.
        file: The file to write.
        metadata: Further arguments of Pillow's `Image.save`.

    Raises:
        OutputError: The file cannot be written; an older one stays as it was.
    """
    kind = SUFFIXES[file.suffix.lower()]
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"optimize": True}
    try:
        with atomic.replacing(file) as partial:
            Image.fromarray(pixels).save(partial, kind, **options, **metadata)
    except OSError as error:
        raise OutputError(f"{file}: cannot be written ({error.strerror or error})") from error
