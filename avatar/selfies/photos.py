"""Selfie files as the rules see them: prepared, and with the faces that were found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avatar.errors import SelfieCountError
from avatar.selfies.faces import Detector
from avatar.selfies.picture_file import open_upright, to_srgb
from avatar.selfies.preparation import SELFIE_SIZE, prepare_selfie
from avatar.selfies.rules import RULES, Array, Photo, Rule, check_count


def read_photos(
    paths: Sequence[Path],
    detector: Detector | None,
    *,
    size: int = SELFIE_SIZE,
    rules: Sequence[Rule] = RULES,
) -> list[Photo]:
    """Read the selfies of one person, in the order given.

    Args:
        paths: Picture files, as many as the rule about the count allows.
        detector: Finds faces; None leaves `Photo.faces` empty, and the rules about faces out.
        size: Width and height of a prepared selfie.
        rules: The model's rules, of which the count is checked.

    Raises:
        SelfieCountError: The number of paths is not allowed.
        SelfieError: A file cannot be used; the message names it.
    """
    if refused := check_count(len(paths), rules):
        limits = next(rule.limits for rule in rules if rule.name == refused[0].rule)
        raise SelfieCountError(f"{len(paths)} selfies, expected {limits}")
    return [read_photo(path, detector, size) for path in paths]


def read_photo(path: Path, detector: Detector | None, size: int = SELFIE_SIZE) -> Photo:
    """Read one selfie file, prepared at a size.

    Raises:
        SelfieError: The file cannot be used; the message names it.
    """
    image = open_upright(path)
    return Photo(
        width=image.width,
        height=image.height,
        pixels=prepare_selfie(image, size),
        faces=None if detector is None else detector(to_srgb(image)),
    )


def stack_photos(photos: Sequence[Photo]) -> Array:
    """The prepared selfies as the model takes them, (n,3,S,S) float32 in [0,1]."""
    return np.stack([photo.pixels for photo in photos])
