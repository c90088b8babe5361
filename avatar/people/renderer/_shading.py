"""The colour of each hit, lit, and its share of the picture."""

from __future__ import annotations

from typing import Any

from ._compiled import compiled, merged
from ._nearest import EARRING, EYE, GLASSES, MOUTH, SKIN, TORSO
from ._packets import Array, Hits, Points, Spots
from .head import PARTS
from .head.light import lit
from .head.paint_face import paint_eye, paint_mouth, paint_skin
from .head.paint_rest import (
    paint_earring,
    paint_glasses,
    paint_hair,
    paint_scarf,
    paint_torso,
)
from .head.parameters import Parameters

PART_COUNT = len(PARTS)


@compiled
def store(paint: Array, i: int, painted: Any) -> None:
    for k in range(6):
        paint[k, i] = painted[k]


@compiled
def paint_part(part: int, p: Parameters, at: Array, count: int, paint: Array) -> None:
    """The painter's six numbers (see `head.paint_face`) for points of one part, into `paint`."""
    x, y, z = at[0], at[1], at[2]
    if part == SKIN:
        for i in range(count):
            store(paint, i, paint_skin(x[i], y[i], z[i], p))
    elif part == EYE:
        for i in range(count):
            store(paint, i, paint_eye(x[i], y[i], z[i], p))
    elif part == MOUTH:
        for i in range(count):
            store(paint, i, paint_mouth(x[i], y[i], z[i], p))
    elif part == TORSO:
        for i in range(count):
            store(paint, i, paint_torso(x[i], y[i], z[i], p))
    elif part == GLASSES:
        for i in range(count):
            store(paint, i, paint_glasses(x[i], y[i], z[i], p))
    elif part == EARRING:
        for i in range(count):
            store(paint, i, paint_earring(x[i], y[i], z[i], p))
    elif p.hair_form > 4.5:
        for i in range(count):
            store(paint, i, paint_scarf(x[i], y[i], z[i], p))
    else:
        for i in range(count):
            store(paint, i, paint_hair(x[i], y[i], z[i], p))


@merged
def paint_hits(
    p: Parameters, hits: Hits, count: int, points: Points, of_part: Array, paint: Array
) -> None:
    """The painter's six numbers for every hit, into `paint` (6, n), a part at a time.

    `points.at` and `of_part` (6, n) are room for the hits of one part, `points.part` for which hits
    they are.
    """
    which = points.part
    for part in range(PART_COUNT):
        members = 0
        for i in range(count):
            if hits.part[i] == part:
                for k in range(3):
                    points.at[k, members] = hits.at[k, i]
                which[members] = i
                members += 1
        paint_part(part, p, points.at, members, of_part)
        for i in range(members):
            for k in range(6):
                paint[k, which[i]] = of_part[k, i]


@merged
def shade(
    p: Parameters, hits: Hits, count: int, spots: Spots, paint: Array, color: Array, row: Array
) -> None:
    """Adds each hit's quarter of its pixel's linear colour and cover to `row` (side, 4).

    `color` (3, n) is room for the lit colours.
    """
    for i in range(count):
        j = spots.of_hit[i]
        red, green, blue, highlight, rim = lit(
            spots.normal[0, j], spots.normal[1, j], spots.normal[2, j],
            hits.direction[0, i], hits.direction[1, i], hits.direction[2, i],
            spots.shadow[j], spots.occlusion[j], paint[3, i], paint[4, i], paint[5, i], p,
        )  # fmt: skip
        color[0, i] = paint[0, i] * red + highlight * p.key_r + rim * p.sky_r
        color[1, i] = paint[1, i] * green + highlight * p.key_g + rim * p.sky_g
        color[2, i] = paint[2, i] * blue + highlight * p.key_b + rim * p.sky_b
    for i in range(count):
        column = hits.column[i]
        for k in range(3):
            row[column, k] += 0.25 * color[k, i]
        row[column, 3] += 0.25
