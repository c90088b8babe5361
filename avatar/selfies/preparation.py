"""Selfie files to the identity encoder's input, by rules that every language implements alike.

The steps are: apply the EXIF orientation; convert from the embedded ICC profile to sRGB; cut out
the centre square, its offset rounded down; resize to 128×128 in float32. Shrinking averages over
areas with fractional coverage, enlarging is bilinear with half-pixel centres.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar.errors import SelfieCountError
from avatar.selfies.picture_file import open_upright, to_srgb

Array = NDArray[np.float32]

SELFIE_SIZE = 128
"""Width and height of a prepared selfie, in pixels."""

MAX_SELFIES = 10
"""Most selfies of one person that the model takes."""


def read_selfies(paths: Sequence[Path]) -> Array:
    """Read selfie files of one person as (n,3,128,128) float32 sRGB in [0,1], in the order given.

    Raises:
        SelfieCountError: There are no paths, or more than 10.
        SelfieError: A file cannot be used; the message names the first one.
    """
    if not 1 <= len(paths) <= MAX_SELFIES:
        raise SelfieCountError(f"{len(paths)} selfies, expected 1 to {MAX_SELFIES}")
    return np.stack([read_selfie(path) for path in paths])


def read_selfie(path: Path, size: int = SELFIE_SIZE) -> Array:
    """Read a selfie file (PNG, JPEG, WebP or HEIC) as (3,size,size) float32 sRGB in [0,1].

    Raises:
        SelfieError: The file cannot be used; the message names it.
    """
    return prepare_selfie(open_upright(path), size)


def prepare_selfie(image: Image.Image, size: int = SELFIE_SIZE) -> Array:
    """Prepare an upright picture of any mode; returns (3,size,size) float32 sRGB in [0,1]."""
    return resize(np.asarray(to_srgb(_centre_square(image))), size)


def _centre_square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    square.info = image.info
    return square


def resize(pixels: NDArray[np.uint8], size: int = SELFIE_SIZE) -> Array:
    """Resize square 8-bit pixels (s,s,3) to (3,size,size) float32 in [0,1].

    Shrinking averages over the area that each new pixel covers; enlarging is bilinear. Where s is
    `size`, the result is `x / 255`. A constant picture stays constant, up to float32 rounding.
    """
    taps = [_taps(index, len(pixels), size) for index in range(size)]
    rows = np.stack([_weigh(pixels, tap) for tap in taps])  # (size, s, 3)
    columns = rows.transpose(1, 2, 0)  # (s, 3, size)
    both = np.stack([_weigh(columns, tap) for tap in taps])  # (size in x, 3, size in y)
    return np.ascontiguousarray(np.clip(both.transpose(1, 2, 0) / np.float32(255), 0, 1))


class _Tap(NamedTuple):
    """The consecutive old pixels that make one new pixel, and their weights, whose sum is 1."""

    first: int
    weights: Array


def _taps(index: int, old: int, new: int) -> _Tap:
    """The tap of new pixel `index`, along an axis of `old` pixels that becomes one of `new`."""
    if old >= new:
        # In units of 1/new of an old pixel all positions are whole numbers, so coverage is exact.
        start, stop = index * old, (index + 1) * old
        first, last = start // new, -(-stop // new)
        edges = np.arange(first, last) * new
        coverage = np.minimum(edges + new, stop) - np.maximum(edges, start)
        return _Tap(first, (coverage / old).astype(np.float32))
    centre = min(max((index + 0.5) * old / new - 0.5, 0.0), old - 1.0)
    first = min(int(centre), old - 2) if old > 1 else 0
    share = centre - first
    return _Tap(first, np.array([1 - share, share][: old - first], np.float32))


def _weigh(rows: NDArray[np.generic], tap: _Tap) -> Array:
    """The weighted sum of some consecutive rows, (old, ...) to (...), in float32."""
    part = rows[tap.first : tap.first + len(tap.weights)].astype(np.float32)
    return np.tensordot(tap.weights, part, axes=1)
