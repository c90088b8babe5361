"""Faces in pictures, found by the cascades that OpenCV contains; nothing goes online.

P. Viola, M. Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features", 2001.
OpenCV is an extra (`pip install 'pocket-avatar[faces]'`); without it there is no detector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar.selfies.rules import Face

Detector = Callable[[Image.Image], Sequence[Face]]
"""Finds the faces in an upright picture; boxes are in its pixels."""

SIDE = 128
"""Length in pixels of the shorter side that pictures are scaled to before the search."""

SMALLEST = 0.2
"""Least width of a face, as a share of the shorter side."""

VOTES = 3
"""Number of neighbouring windows that must agree on a face."""

SCALE = 1.1
"""Factor from one size of the search window to the next."""

CASCADES = ("haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt2.xml")


def detector() -> Detector | None:
    """The detector of this machine; None where OpenCV is not installed."""
    return find_faces if find_spec("cv2") else None


def find_faces(image: Image.Image) -> tuple[Face, ...]:
    """The faces in an upright RGB picture, the largest first; each face is reported once."""
    scale = min(image.size) / SIDE
    size = (round(image.width / scale), round(image.height / scale))
    grey = np.asarray(image.convert("L").resize(size, Image.Resampling.BOX))
    boxes = sorted(_boxes(grey), key=lambda box: -box[2])
    faces: list[Face] = []
    for left, top, width, height in boxes:
        face = Face(left=left * scale, top=top * scale, width=width * scale, height=height * scale)
        if not any(_same(face, known) for known in faces):
            faces.append(face)
    return tuple(faces)


def _boxes(grey: NDArray[np.uint8]) -> Iterator[list[int]]:
    least = round(SMALLEST * min(grey.shape))
    for cascade in _cascades():
        found = cascade.detectMultiScale(grey, SCALE, VOTES, minSize=(least, least))
        yield from np.asarray(found).reshape(-1, 4).tolist()


def _same(face: Face, known: Face) -> bool:
    """Whether the centre of `face` lies in the box of `known`, which is larger."""
    right = face.left + face.width / 2 - known.left
    down = face.top + face.height / 2 - known.top
    return 0 <= right <= known.width and 0 <= down <= known.height


@cache
def _cascades() -> tuple[Any, ...]:
    import cv2
    from cv2.data import haarcascades

    return tuple(cv2.CascadeClassifier(str(Path(haarcascades, name))) for name in CASCADES)
