"""What training asks of people, wherever their pictures come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from avatar.people import DesignerStyle


class Drawing(Protocol):
    """One drawing of one person in one style."""

    @property
    def person(self) -> int:
        """Index of the person in the training data."""
        ...

    @property
    def style(self) -> int:
        """Index of the style in `TrainingData.styles`."""
        ...

    def pixels(self) -> NDArray[np.uint8]:
        """The drawing, (256,256,3) uint8 sRGB."""
        ...

    def digest(self) -> bytes:
        """Bytes that differ whenever the drawing differs; caches use them as a key."""
        ...


class TrainingData(Protocol):
    """People, their selfies and drawings of them."""

    @property
    def styles(self) -> tuple[DesignerStyle, ...]:
        """The styles that the drawings' style indices refer to."""
        ...

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Class indices (people, attributes), or None where the people have no labels."""
        ...

    @property
    def selfie_counts(self) -> NDArray[np.int64]:
        """Number of selfies of each person, (people,): each at least 1, or all 0."""
        ...

    @property
    def drawings(self) -> Sequence[Drawing]:
        """All drawings in a fixed order, person by person."""
        ...

    def selfie(self, person: int, index: int) -> NDArray[np.uint8]:
        """One selfie of a person, (3,128,128) uint8 sRGB."""
        ...

    def __len__(self) -> int:
        """The number of people."""
        ...
