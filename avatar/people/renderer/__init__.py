"""Selfies: photos of a 3-D head, rendered from an identity and a seed.

`render` is the door. A head is described once (`head/`): numba compiles the description for a CPU
(`_cpu.py`), and it runs on torch tensors on a GPU (`_gpu.py`). The photo around it (place, lens,
sensor: `_photo.py`) is numpy. `docs/renderer.md` shows the stages.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from avatar.people.identity import SKIN_TONES, Identity

from ._person import person_numbers
from ._photo import photograph
from ._scene import scene_numbers
from .head.parameters import Parameters

__all__ = ["SIDE", "render"]

SIDE = 128
STEPS = 40
SHADOW_STEPS = 10

# Two streams of random numbers a seed, so that a change of the scene leaves the photo as it was.
_SCENE, _PHOTO = 0, 1


def _table(identities: Sequence[Identity], seeds: Sequence[int]) -> NDArray[np.void]:
    """One row of float32 parameters a selfie."""
    names = Parameters._fields
    table = np.zeros(len(seeds), dtype=[(name, np.float32) for name in names])
    for row, (identity, seed) in enumerate(zip(identities, seeds, strict=True)):
        numbers = scene_numbers(person_numbers(identity), np.random.default_rng([_SCENE, seed]))
        assert numbers.keys() == set(names), numbers.keys() ^ set(names)
        table[row] = tuple(numbers[name] for name in names)
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
    if len(identities) != len(seeds):
        raise ValueError(f"{len(identities)} identities but {len(seeds)} seeds")
    if backend not in ("numba", "torch"):
        raise ValueError(f"backend is {backend!r}, expected 'numba' or 'torch'")
    if backend == "numba" and device != "cpu":
        raise ValueError(f"the numba backend runs on the CPU, not on {device!r}")
    if not seeds:
        return np.empty((0, 3, SIDE, SIDE), np.float32)
    table = _table(identities, seeds)
    # torch renders all heads at once, numba one a thread.
    heads = _gpu_heads(table, device) if backend == "torch" else None

    def selfie(row: int) -> NDArray[np.float32]:
        head = _cpu_head(table, row) if heads is None else heads[row]
        rng = np.random.default_rng([_PHOTO, seeds[row]])
        return photograph(rng, head, SKIN_TONES[identities[row].skin_tone])

    threads = min(len(seeds), os.cpu_count() or 1)
    with _blas().limit(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(selfie, range(len(seeds)))))


@cache
def _blas() -> ThreadpoolController:
    """numpy's matrix products start threads of their own, which would wait for one another: with
    a selfie a thread they took half of all time."""
    return ThreadpoolController()


# The backends are imported when first used: compiling, or torch, takes a while.
def _cpu_head(table: NDArray[np.void], row: int) -> NDArray[np.float32]:
    from ._cpu import trace

    return trace(table, row, SIDE, steps=STEPS, shadow_steps=SHADOW_STEPS)


def _gpu_heads(table: NDArray[np.void], device: str) -> NDArray[np.float32]:
    from ._gpu import trace

    return trace(table, SIDE, device=device, steps=STEPS, shadow_steps=SHADOW_STEPS)
