"""Distances and colours of packets of points, in loops that the compiler can put in SIMD lanes.

Plain Python over arrays, translated by `_translate.tracer`; it runs (slowly) as it stands. The
loops are free of branches, so LLVM vectorises them; what differs between people (the form of the
hair, glasses) is chosen outside.
"""

from __future__ import annotations

from typing import Any

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
from .head.paint_face import paint_eye, paint_mouth, paint_skin
from .head.paint_rest import (
    paint_earring,
    paint_glasses,
    paint_hair,
    paint_scarf,
    paint_torso,
)
from .head.wear import earring_distance, glasses_distance, torso_distance

SKIN, EYE, MOUTH, TORSO, HAIR, GLASSES, EARRING = PARTS.values()

LANES = 8
"""Points that the processor takes at a time, or a multiple of that."""

Array = Any
Parameters = Any


def closer(d: Array, kind: Array, part_d: Array, part: int, n: int) -> None:
    """Lowers `d` to a part's distance where that is smaller, and notes the part."""
    for i in range(n):
        near = part_d[i] < d[i]
        d[i] = part_d[i] if near else d[i]
        kind[i] = part if near else kind[i]


def body(x: Array, y: Array, z: Array, p: Parameters, d: Array, kind: Array, n: int) -> None:
    for i in range(n):
        skin = skin_distance(x[i], y[i], z[i], p)
        eye = eye_distance(x[i], y[i], z[i], p)
        mouth = mouth_distance(x[i], y[i], z[i], p)
        torso = torso_distance(x[i], y[i], z[i], p)
        inner = minimum(eye, mouth)
        outer = minimum(skin, torso)
        inner_kind = EYE if eye < mouth else MOUTH
        outer_kind = SKIN if skin < torso else TORSO
        d[i] = minimum(inner, outer)
        kind[i] = inner_kind if inner < outer else outer_kind


def hair(x: Array, y: Array, z: Array, p: Parameters, out: Array, n: int) -> None:
    form = int(p.hair_form)
    if form == 1:
        for i in range(n):
            out[i] = cap_distance(x[i], y[i], z[i], p)
    elif form == 2:
        for i in range(n):
            out[i] = long_distance(x[i], y[i], z[i], p)
    elif form == 3:
        for i in range(n):
            out[i] = bun_distance(x[i], y[i], z[i], p)
    elif form == 4:
        for i in range(n):
            out[i] = braids_distance(x[i], y[i], z[i], p)
    else:
        for i in range(n):
            out[i] = scarf_distance(x[i], y[i], z[i], p)


def everything(at: Array, p: Parameters, d: Array, kind: Array, spare: Array, n: int) -> None:
    """The distance to the nearest part from each point, and which part it is.

    Points beyond `n` fill the last SIMD lanes, because what is left over goes one by one: there
    must be room for them, and numbers, whatever they are.
    """
    n = (n + LANES - 1) // LANES * LANES
    x = at[0]
    y = at[1]
    z = at[2]
    body(x, y, z, p, d, kind, n)
    if p.hair_form > 0.5:
        hair(x, y, z, p, spare, n)
        closer(d, kind, spare, HAIR, n)
    if p.has_glasses > 0.5:
        for i in range(n):
            spare[i] = glasses_distance(x[i], y[i], z[i], p)
        closer(d, kind, spare, GLASSES, n)
    if p.has_earrings > 0.5:
        for i in range(n):
            spare[i] = earring_distance(x[i], y[i], z[i], p)
        closer(d, kind, spare, EARRING, n)


def store(spot: Array, i: int, painted: Any) -> None:
    for k in range(6):
        spot[k, i] = painted[k]


def paint(part: int, p: Parameters, at: Array, spot: Array, n: int) -> None:
    """The painter's six numbers for `n` points of one part, into `spot` (6, n)."""
    x = at[0]
    y = at[1]
    z = at[2]
    if part == SKIN:
        for i in range(n):
            store(spot, i, paint_skin(x[i], y[i], z[i], p))
    elif part == EYE:
        for i in range(n):
            store(spot, i, paint_eye(x[i], y[i], z[i], p))
    elif part == MOUTH:
        for i in range(n):
            store(spot, i, paint_mouth(x[i], y[i], z[i], p))
    elif part == TORSO:
        for i in range(n):
            store(spot, i, paint_torso(x[i], y[i], z[i], p))
    elif part == GLASSES:
        for i in range(n):
            store(spot, i, paint_glasses(x[i], y[i], z[i], p))
    elif part == EARRING:
        for i in range(n):
            store(spot, i, paint_earring(x[i], y[i], z[i], p))
    elif p.hair_form > 4.5:
        for i in range(n):
            store(spot, i, paint_scarf(x[i], y[i], z[i], p))
    else:
        for i in range(n):
            store(spot, i, paint_hair(x[i], y[i], z[i], p))
