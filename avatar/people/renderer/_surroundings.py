"""Normal, ambient occlusion and shadow: what measuring around a spot of the surface tells."""

from __future__ import annotations

import numpy as np

from ._compiled import merged
from ._nearest import GLASSES, nearest
from ._packets import Array, Hits, Points, Spots
from .head.operations import maximum, minimum, sqrt
from .head.parameters import Parameters, Value
from .head.solids import clamp01, smoothstep

TETRAHEDRON = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32)
"""The corners at which a normal's four distances are measured."""


@merged
def sum_up(hits: Hits, count: int, side: int, sums: Array) -> None:
    """Sums up each pixel's hits in `sums` (8, side): the mean of four points (x, y, z), the count,
    the smallest and the largest distance gone, the sums of the parts and of their squares."""
    sums[:, :side] = 0.0
    sums[4, :side] = 99.0
    for i in range(count):
        column = hits.column[i]
        part = np.float32(hits.part[i])
        for k in range(3):
            sums[k, column] += 0.25 * hits.at[k, i]
        sums[3, column] += 1.0
        sums[4, column] = minimum(sums[4, column], hits.gone[i])
        sums[5, column] = maximum(sums[5, column], hits.gone[i])
        sums[6, column] += part
        sums[7, column] += part * part


@merged
def choose_spots(pixel: Value, side: int, hits: Hits, count: int, sums: Array, spots: Spots) -> int:
    """Chooses the spots to compute light at, and returns how many.

    Normal, occlusion and shadow cost more than all else and hardly vary within a pixel. So its
    four hits share one spot in their midst, unless an outline passes between them: they then lie
    on several parts, or at several depths. Glasses and earrings are all outline.
    """
    sum_up(hits, count, side, sums)
    chosen = 0
    for column in range(side):
        flat = sums[5, column] - sums[4, column] < 2.0 * pixel * sums[4, column]
        # Four numbers are equal when the square of their sum is four times that of their squares.
        same_part = sums[6, column] * sums[6, column] == 4.0 * sums[7, column]
        thick = sums[6, column] < 4.0 * np.float32(GLASSES)
        shared = sums[3, column] == 4.0 and flat and same_part and thick
        sums[4, column] = np.float32(chosen) if shared else -1.0
        if shared:
            for k in range(3):
                spots.at[k, chosen] = sums[k, column]
            chosen += 1
    for i in range(count):
        spot = int(sums[4, hits.column[i]])
        if spot < 0:
            for k in range(3):
                spots.at[k, chosen] = hits.at[k, i]
            spot = chosen
            chosen += 1
        spots.of_hit[i] = spot
    return chosen


@merged
def find_normals(p: Parameters, spots: Spots, count: int, points: Points) -> None:
    """The direction in which distance grows fastest, by the tetrahedron technique."""
    normal = spots.normal
    normal[:, :count] = 0.0
    for corner in TETRAHEDRON:
        for k in range(3):
            for i in range(count):
                points.at[k, i] = spots.at[k, i] + 0.006 * corner[k]
        nearest(p, points, count)
        for k in range(3):
            for i in range(count):
                normal[k, i] += corner[k] * points.distance[i]
    for i in range(count):
        x, y, z = normal[0, i], normal[1, i], normal[2, i]
        scale = 1.0 / sqrt(x * x + y * y + z * z + 0.000000001)
        for k in range(3):
            normal[k, i] *= scale


@merged
def find_occlusion(p: Parameters, spots: Spots, count: int, points: Points) -> None:
    """A point a little above the surface is as far from it in the open, and less in a corner."""
    for k in range(3):
        for i in range(count):
            points.at[k, i] = spots.at[k, i] + 0.14 * spots.normal[k, i]
    nearest(p, points, count)
    for i in range(count):
        spots.occlusion[i] = clamp01(points.distance[i] / 0.13)


@merged
def find_shadow(
    p: Parameters, steps: int, spots: Spots, count: int, points: Points, gone: Array
) -> None:
    """Marches towards the key light: the closer it passes by something, by the distance gone, the
    less light arrives. `gone` is room for those distances."""
    spots.shadow[:count] = 1.0
    gone[:count] = 0.05
    for _ in range(steps):
        for i in range(count):
            points.at[0, i] = spots.at[0, i] + 0.02 * spots.normal[0, i] + p.key_x * gone[i]
            points.at[1, i] = spots.at[1, i] + 0.02 * spots.normal[1, i] + p.key_y * gone[i]
            points.at[2, i] = spots.at[2, i] + 0.02 * spots.normal[2, i] + p.key_z * gone[i]
        nearest(p, points, count)
        for i in range(count):
            passed = 0.5 + 2.5 * points.distance[i] / gone[i]
            spots.shadow[i] = minimum(spots.shadow[i], passed)
            gone[i] += maximum(points.distance[i], 0.05)
    for i in range(count):
        spots.shadow[i] = smoothstep(0.0, 1.0, spots.shadow[i])
