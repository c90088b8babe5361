"""Selfies of synthetic people, as the identity encoder takes them."""

from __future__ import annotations

import numpy as np

from avatar.people import SELFIE_SEEDS, sample_identity
from avatar.selfies import MAX_SELFIES, SELFIE_SIZE
from eval.pipelines.avatar.cases import SelfieSet
from eval.reference import ArrayCache
from support.images import to_8_bit
from support.version import code_digest


class RenderedSelfies:
    """Selfies of people, each person rendered once and kept in a cache."""

    def __init__(self, cache: ArrayCache) -> None:
        self._cache = cache
        self._known: dict[int, np.ndarray] = {}

    def inputs(self, chosen: SelfieSet) -> dict[str, np.ndarray]:
        """The inputs of the identity encoder.

        Returns:
            `selfies` (10,3,128,128) float32 in [0,1] on the 8-bit grid, zero where there is none;
            `selfie_mask` (10,) float32, 1 where there is one.
        """
        selfies = np.zeros((MAX_SELFIES, 3, SELFIE_SIZE, SELFIE_SIZE), np.float32)
        mask = np.zeros(MAX_SELFIES, np.float32)
        for number, slot in enumerate(chosen.slots):
            selfies[slot] = self._of(chosen.person)[number] / np.float32(255)
            mask[slot] = 1
        return {"selfies": selfies, "selfie_mask": mask}

    def _of(self, person: int) -> np.ndarray:
        if person not in self._known:
            key = f"people-{code_digest(('avatar', 'support'))[:16]}/{person}"
            self._known[person] = self._cache.get(key, lambda: _render(person))["selfies"]
        return self._known[person]


def _render(person: int) -> dict[str, np.ndarray]:
    # Imported here because the renderer is compiled when it is first used, which takes seconds.
    from avatar.people.renderer import render

    seeds = [person * SELFIE_SEEDS + number for number in range(MAX_SELFIES)]
    selfies = render([sample_identity(person)] * MAX_SELFIES, seeds)
    return {"selfies": to_8_bit(selfies)}
