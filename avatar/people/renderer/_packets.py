"""The arrays that the CPU renderer works on: packets of rays, of points to measure, of hits.

A packet holds what one row of pixels needs. Each array is one number or vector of all entries, so
that a loop over the entries can be put into SIMD lanes; vectors are (3, n), x first. Entries beyond
the count that a function is given are left over from before and mean nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._compiled import merged

Array = Any
"""An array of float32 unless said otherwise."""

LANES = 8
"""Numbers that a SIMD register holds, or a multiple of that."""


class Rays(NamedTuple):
    """Rays under way: unit direction, the distance gone and at most to go, and the pixel's column
    in its row (int32)."""

    direction: Array
    gone: Array
    end: Array
    column: Array


class Points(NamedTuple):
    """Points, the distance from each to the nearest part, and which part that is (int32)."""

    at: Array
    distance: Array
    part: Array
    spare: Array  # the distances of one part at a time


class Hits(NamedTuple):
    """Where rays met a part: the point, the ray's direction and distance gone, the pixel's column
    and the part (int32 both)."""

    at: Array
    direction: Array
    gone: Array
    column: Array
    part: Array


class Spots(NamedTuple):
    """Points on the surface that light is computed at: the normal, how much of the key light
    arrives, and how much of the sky, both 1 in the open; `of_hit` is each hit's spot (int32)."""

    at: Array
    normal: Array
    shadow: Array
    occlusion: Array
    of_hit: Array


@merged
def empty_rays(room: int) -> Rays:
    return Rays(
        np.empty((3, room), np.float32), np.empty(room, np.float32), np.empty(room, np.float32),
        np.empty(room, np.int32),
    )  # fmt: skip


@merged
def empty_points(room: int) -> Points:
    # Filled, because `nearest` measures from a few of the entries beyond its count, too.
    return Points(
        np.zeros((3, room), np.float32), np.empty(room, np.float32), np.empty(room, np.int32),
        np.empty(room, np.float32),
    )  # fmt: skip


@merged
def empty_hits(room: int) -> Hits:
    return Hits(
        np.empty((3, room), np.float32), np.empty((3, room), np.float32),
        np.empty(room, np.float32), np.empty(room, np.int32), np.empty(room, np.int32),
    )  # fmt: skip


@merged
def empty_spots(room: int) -> Spots:
    return Spots(
        np.empty((3, room), np.float32), np.empty((3, room), np.float32),
        np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.int32),
    )  # fmt: skip
