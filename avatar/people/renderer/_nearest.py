"""The distance from points to the nearest part of the head, and which part that is.

The loops are free of branches, so that they can be put into SIMD lanes; what differs between people
(the form of the hair, glasses) is chosen outside of them.
"""

from __future__ import annotations

from ._compiled import compiled, merged
from ._packets import LANES, Array, Points
from .head import PARTS
from .head.face import eye_distance, mouth_distance, skin_distance
from .head.hair import (
    braids_distance,
    bun_distance,
    cap_distance,
    long_distance,
    scarf_distance,
)
from .head.operations import minimum
from .head.parameters import Parameters
from .head.wear import earring_distance, glasses_distance, torso_distance

SKIN, EYE, MOUTH, TORSO, HAIR, GLASSES, EARRING = PARTS.values()


@merged
def measure_body(p: Parameters, points: Points, count: int) -> None:
    """Everyone has these parts: skin, eyes, mouth and torso."""
    x, y, z = points.at[0], points.at[1], points.at[2]
    for i in range(count):
        skin = skin_distance(x[i], y[i], z[i], p)
        eye = eye_distance(x[i], y[i], z[i], p)
        mouth = mouth_distance(x[i], y[i], z[i], p)
        torso = torso_distance(x[i], y[i], z[i], p)
        inner = minimum(eye, mouth)
        outer = minimum(skin, torso)
        inner_part = EYE if eye < mouth else MOUTH
        outer_part = SKIN if skin < torso else TORSO
        points.distance[i] = minimum(inner, outer)
        points.part[i] = inner_part if inner < outer else outer_part


@merged
def measure_hair(p: Parameters, at: Array, out: Array, count: int) -> None:
    """The distances to hair or headscarf; `p.hair_form` says to which."""
    x, y, z = at[0], at[1], at[2]
    form = int(p.hair_form)
    if form == 1:
        for i in range(count):
            out[i] = cap_distance(x[i], y[i], z[i], p)
    elif form == 2:
        for i in range(count):
            out[i] = long_distance(x[i], y[i], z[i], p)
    elif form == 3:
        for i in range(count):
            out[i] = bun_distance(x[i], y[i], z[i], p)
    elif form == 4:
        for i in range(count):
            out[i] = braids_distance(x[i], y[i], z[i], p)
    else:
        for i in range(count):
            out[i] = scarf_distance(x[i], y[i], z[i], p)


@merged
def measure_glasses(p: Parameters, at: Array, out: Array, count: int) -> None:
    x, y, z = at[0], at[1], at[2]
    for i in range(count):
        out[i] = glasses_distance(x[i], y[i], z[i], p)


@merged
def measure_earrings(p: Parameters, at: Array, out: Array, count: int) -> None:
    x, y, z = at[0], at[1], at[2]
    for i in range(count):
        out[i] = earring_distance(x[i], y[i], z[i], p)


@merged
def keep_nearer(points: Points, part: int, count: int) -> None:
    """Takes over the distances in `points.spare`, which are this part's, where they are smaller."""
    for i in range(count):
        nearer = points.spare[i] < points.distance[i]
        points.distance[i] = points.spare[i] if nearer else points.distance[i]
        points.part[i] = part if nearer else points.part[i]


@compiled
def nearest(p: Parameters, points: Points, count: int) -> None:
    """Measures from the first `count` points: sets their `distance` and `part`.

    It measures from up to LANES - 1 more, which fill the last SIMD register: entries that are left
    over would be computed one by one.
    """
    count = (count + LANES - 1) // LANES * LANES
    measure_body(p, points, count)
    if p.hair_form > 0.5:
        measure_hair(p, points.at, points.spare, count)
        keep_nearer(points, HAIR, count)
    if p.has_glasses > 0.5:
        measure_glasses(p, points.at, points.spare, count)
        keep_nearer(points, GLASSES, count)
    if p.has_earrings > 0.5:
        measure_earrings(p, points.at, points.spare, count)
        keep_nearer(points, EARRING, count)
