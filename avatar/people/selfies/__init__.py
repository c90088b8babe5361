"""Selfies: photos of a 3-D head, rendered from an identity and a seed.

`render` is the door. A head is described once (`head/`) and compiled for numba on a CPU or run
as torch tensors on a GPU; the photo around it (place, lens, sensor) is numpy.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from avatar.people.identity import SKIN_TONES, Identity

from ._person import person_numbers
from ._photo import photograph
from ._scene import scene_numbers
from ._translate import parameter_names

__all__ = ["SIDE", "render"]

SIDE = 128


def _table(identities: Sequence[Identity], seeds: Sequence[int]) -> NDArray[np.void]:
    """One row of float32 parameters a selfie."""
    names = parameter_names()
    table = np.zeros(len(seeds), dtype=[(name, np.float32) for name in names])
    for row, (identity, seed) in enumerate(zip(identities, seeds, strict=True)):
        numbers = scene_numbers(person_numbers(identity), np.random.default_rng([0, seed]))
        assert numbers.keys() == set(names), numbers.keys() ^ set(names)
        for name, value in numbers.items():
            table[name][row] = value
    return table


def render(
    identities: Sequence[Identity],
    seeds: Sequence[int],
    *,
    backend: Literal["numba", "torch"] = "numba",
    device: str = "cpu",
) -> NDArray[np.float32]:
    """One selfie of each identity, as its seed has it: (N, 3, 128, 128) float32 sRGB in [0, 1].

    A seed (any non-negative integer) decides everything that is not the person: pose, expression,
    light, clothes, place, camera. A picture depends on its own identity and seed, never on the
    others of the call. Raises ValueError when the lengths differ or the backend is unknown.
    """
    from . import _numba_backend

    table = _table(identities, seeds)

    def selfie(row: int) -> NDArray[np.float32]:
        head = _numba_backend.trace(table, row, SIDE)
        rng = np.random.default_rng([1, seeds[row]])
        return photograph(rng, head, SKIN_TONES[identities[row].skin_tone])

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        pictures = list(threads.map(selfie, range(len(seeds))))
    return np.stack(pictures) if pictures else np.empty((0, 3, SIDE, SIDE), np.float32)
