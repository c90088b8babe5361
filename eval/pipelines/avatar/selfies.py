"""Selfies as the identity encoder takes them: of people who don't exist, or the user's own."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path

import numpy as np

from avatar.people import SELFIE_SEEDS, sample_identity
from avatar.selfies import MAX_SELFIES, SELFIE_SIZE, read_selfie, resize
from eval.errors import SubjectError
from eval.pipelines.avatar.cases import SelfieSet
from eval.pipelines.avatar.plan import made_up
from eval.reference import ArrayCache
from support.images import to_8_bit
from support.version import code_digest

Array = np.ndarray


class Selfies(ABC):
    """Selfies of people, at the size and for the slots of one identity encoder."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """
        Args:
            shape: What the identity encoder takes, (P,3,S,S).
        """
        self.shape = shape
        self.places, self.side = shape[0], shape[-1]

    def inputs(self, chosen: SelfieSet) -> dict[str, Array]:
        """The inputs of the identity encoder.

        Returns:
            `selfies` (P,3,S,S) float32 in [0,1], zero where there is none;
            `selfie_mask` (P,) float32, 1 where there is one.
        """
        selfies = np.zeros(self.shape, np.float32)
        mask = np.zeros(self.places, np.float32)
        for number, slot in enumerate(chosen.slots):
            selfies[slot] = self._of(chosen.person)[number]
            mask[slot] = 1
        return {"selfies": selfies, "selfie_mask": mask}

    @abstractmethod
    def everybody(self, count: int) -> tuple[SelfieSet, ...]:
        """People, each with all of their selfies.

        Args:
            count: How many people are wanted, where they are made up.
        """

    @abstractmethod
    def _of(self, person: int) -> Array:
        """All selfies of a person, (n,3,S,S) float32 in [0,1]."""


class RenderedSelfies(Selfies):
    """Selfies of people who don't exist, each person rendered once and kept in a cache."""

    def __init__(self, cache: ArrayCache, shape: tuple[int, ...]) -> None:
        """
        Args:
            cache: Keeps the pictures.
            shape: As in `Selfies`.
        """
        super().__init__(shape)
        self._cache = cache
        self._known: dict[int, Array] = {}

    def everybody(self, count: int) -> tuple[SelfieSet, ...]:
        return made_up(count, self.places)

    def _of(self, person: int) -> Array:
        if person not in self._known:
            count = max(self.places, MAX_SELFIES)
            more = "" if count == MAX_SELFIES else f"-{count}"
            key = f"people-{code_digest(('avatar', 'support'))[:16]}/{person}{more}"
            pixels = self._cache.get(key, lambda: _render(person, count))["selfies"]
            self._known[person] = self._sized(pixels[: self.places])
        return self._known[person]

    def _sized(self, pixels: Array) -> Array:
        if self.side == SELFIE_SIZE:
            return pixels / np.float32(255)
        return np.stack([resize(picture, self.side) for picture in pixels.transpose(0, 2, 3, 1)])


class OwnSelfies(Selfies):
    """The user's own selfies: a folder of one person's, or a folder for each person."""

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        """
        Args:
            folder: The folder.
            shape: As in `Selfies`.
        """
        super().__init__(shape)
        self._folder = folder

    def everybody(self, count: int) -> tuple[SelfieSet, ...]:
        """Everybody in the folder, in the order of their folders' names.

        Raises:
            SubjectError: There is no picture.
            SelfieError: A file cannot be used; the message names it.
        """
        return tuple(
            SelfieSet.first(person, len(own), hashlib.sha256(own.tobytes()).hexdigest()[:20])
            for person, own in enumerate(self._pictures)
        )

    def _of(self, person: int) -> Array:
        return self._pictures[person]

    @cached_property
    def _pictures(self) -> tuple[Array, ...]:
        """Each person's selfies, at most as many as there are slots."""
        folders = [path for path in sorted(self._folder.iterdir()) if _shown(path, folder=True)]
        files = [[*filter(_shown, sorted(folder.iterdir()))] for folder in folders]
        files = files or [[*filter(_shown, sorted(self._folder.iterdir()))]]
        for folder, own in zip(folders or [self._folder], files, strict=True):
            if not own:
                raise SubjectError(
                    f"{folder} holds no selfies, expected picture files of one person, "
                    "or a folder of them for each person"
                )
        return tuple(
            np.stack([read_selfie(path, self.side) for path in own[: self.places]]) for own in files
        )


def _shown(path: Path, *, folder: bool = False) -> bool:
    """Whether a path is a picture's, or a person's folder: hidden files are neither."""
    return not path.name.startswith(".") and path.is_dir() == folder


def _render(person: int, count: int) -> dict[str, Array]:
    # Imported here because the renderer is compiled when it is first used, which takes seconds.
    from avatar.people.renderer import render

    seeds = [person * SELFIE_SEEDS + number for number in range(count)]
    return {"selfies": to_8_bit(render([sample_identity(person)] * count, seeds))}
