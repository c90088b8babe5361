"""Sphere tracing of the described head, a row of pixels at a time, four rays a pixel.

Plain Python over arrays, translated by `_translate.tracer`; it runs (slowly) as it stands. Rays
that have ended leave the packet, so that every loop is full. Counts start from `np.int64(0)`, not
from the literal 0, whose type would have numba compile what is called with them a second time.

Sphere tracing: John C. Hart, "Sphere tracing", The Visual Computer 12, 1996.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._packets import GLASSES, LANES, Array, Parameters, everything, paint
from .head import PARTS
from .head.camera import ray, ray_bounds
from .head.light import lit
from .head.operations import maximum, minimum, number, sqrt
from .head.solids import clamp01, smoothstep

PART_COUNT = len(PARTS)

CONES, RAYS, LOOK = range(3)
"""Stages of a row: a ray a pixel, then four, then around what they found."""

NORMAL_TAPS = 4


def aim(p: Parameters, u: Any, v: Any, rays: Array, i: int) -> None:
    """Sets ray `i` to leave through the picture's point (u, v)."""
    dx, dy, dz = ray(u, v, p)
    near, far = ray_bounds(dx, dy, dz, p)
    rays[0, i] = dx
    rays[1, i] = dy
    rays[2, i] = dz
    rays[3, i] = near
    rays[4, i] = far


def cones(p: Parameters, row: int, side: int, work: Any) -> int:
    """Starts a ray at the centre of each pixel of a row that can show anything."""
    rays = work[0]
    index = work[1]
    scale = 2.0 / number(side)
    v = 1.0 - (number(row) + 0.5) * scale
    for i in range(side):
        aim(p, (number(i) + 0.5) * scale - 1.0, v, rays, i)
    n: Any = np.int64(0)
    for i in range(side):
        if rays[3, i] < rays[4, i]:
            for k in range(5):
                rays[k, n] = rays[k, i]
            index[n] = i
            n += 1
    return n


def split(p: Parameters, row: int, side: int, pixel: Any, work: Any, n: int) -> int:
    """Replaces the `n` pixels' rays that came near something by four each, from where they are."""
    rays = work[0]
    index = work[1]
    hits = work[6]
    hit_index = work[7]
    scale = 2.0 / number(side)
    for i in range(4 * n):
        column = hit_index[i // 4]
        u = (number(column) + 0.25 + 0.5 * number(i % 2)) * scale - 1.0
        v = 1.0 - (number(row) + 0.25 + 0.5 * number(i // 2 % 2)) * scale
        aim(p, u, v, rays, i)
        # Back by two radii: the pixel's own ray may have stopped close to a surface.
        rays[3, i] = hits[6, i // 4] * (1.0 - 2.0 * pixel)
        index[i] = column
    return 4 * n


def along(p: Parameters, work: Any, n: int) -> None:
    """Sets the points to measure from to where the rays are."""
    rays, at = work[0], work[2]
    for i in range(n):
        at[0, i] = p.eye_at_x + rays[0, i] * rays[3, i]
        at[1, i] = p.eye_at_y + rays[1, i] * rays[3, i]
        at[2, i] = p.eye_at_z + rays[2, i] * rays[3, i]


def advance(p: Parameters, reach: Any, work: Any, n: int, found: int) -> tuple[int, int]:
    """Moves each ray by what was measured, or ends it where it came near a surface, which is
    `reach` times how far it has come; `hits` then gets (x, y, z, dx, dy, dz, t).

    Returns how many rays are still under way, and how many have `found` something by now.
    """
    rays, index, at, d, kind, hits = work[0], work[1], work[2], work[3], work[4], work[6]
    hit_index, hit_kind = work[7], work[8]
    kept: Any = np.int64(0)
    for i in range(n):
        t = rays[3, i]
        if d[i] < reach * t:
            for k in range(3):
                hits[k, found] = at[k, i]
                hits[k + 3, found] = rays[k, i]
            hits[6, found] = t
            hit_index[found] = index[i]
            hit_kind[found] = kind[i]
            found += 1
        elif t + d[i] < rays[4, i]:
            for k in range(3):
                rays[k, kept] = rays[k, i]
            rays[3, kept] = t + d[i] * p.step_scale
            rays[4, kept] = rays[4, i]
            index[kept] = index[i]
            kept += 1
    return kept, found


def sum_up(side: int, work: Any, n: int) -> None:
    """Sums up the hits of each of the row's pixels in `pixels`: the midst of four (x, y, z), their
    count, smallest and largest t, and the sums of their parts and of the squares of those."""
    hits, column_of, kind, pixels = work[6], work[7], work[8], work[13]
    pixels[:, :side] = 0.0
    pixels[4, :side] = 99.0
    for i in range(n):
        c = column_of[i]
        part = number(kind[i])
        for k in range(3):
            pixels[k, c] += 0.25 * hits[k, i]
        pixels[3, c] += 1.0
        pixels[4, c] = minimum(pixels[4, c], hits[6, i])
        pixels[5, c] = maximum(pixels[5, c], hits[6, i])
        pixels[6, c] += part
        pixels[7, c] += part * part


def gather(pixel: Any, side: int, work: Any, n: int) -> int:
    """Chooses where to look around, and returns at how many spots; `spot_of` has each hit's.

    Normal, occlusion and shadow cost more than all else and hardly vary within a pixel. So its
    four hits share one spot in their midst, unless an outline passes between them: they then lie
    on several parts, or at several depths. Glasses and earrings are all outline.
    """
    hits, column_of, pixels, spots, spot_of = work[6], work[7], work[13], work[14], work[15]
    sum_up(side, work, n)
    m: Any = np.int64(0)
    for c in range(side):
        flat = pixels[5, c] - pixels[4, c] < 2.0 * pixel * pixels[4, c]
        # Four numbers are equal when the square of their sum is four times that of their squares.
        alike = pixels[6, c] * pixels[6, c] == 4.0 * pixels[7, c]
        thick = pixels[6, c] < 4.0 * number(GLASSES)
        pixels[4, c] = -1.0
        if pixels[3, c] == 4.0 and flat and alike and thick:
            for k in range(3):
                spots[k, m] = pixels[k, c]
            pixels[4, c] = number(m)
            m += 1
    for i in range(n):
        spot = np.int64(pixels[4, column_of[i]])
        if spot < 0:
            for k in range(3):
                spots[k, m] = hits[k, i]
            spot = m
            m += 1
        spot_of[i] = spot
    return m


def unit(v: Array, n: int) -> None:
    for i in range(n):
        k = 1.0 / sqrt(v[0, i] * v[0, i] + v[1, i] * v[1, i] + v[2, i] * v[2, i] + 0.000000001)
        for j in range(3):
            v[j, i] *= k


def start_looking(work: Any, n: int) -> None:
    normal, light = work[9], work[10]
    normal[:, :n] = 0.0
    light[0, :n] = 1.0
    light[2, :n] = 0.05


def corner(tap: int) -> tuple[Any, Any, Any]:
    """The signs of a tetrahedron's corner, from 0 to 3."""
    sx = 1.0 if tap == 0 or tap == 3 else -1.0
    sy = 1.0 if tap == 2 or tap == 3 else -1.0
    sz = 1.0 if tap == 1 or tap == 3 else -1.0
    return sx, sy, sz


def around(p: Parameters, tap: int, work: Any, n: int) -> None:
    """Sets the points to measure from around each spot: four taps for its normal (the tetrahedron
    technique), one for ambient occlusion, then steps towards the key light for its soft shadow."""
    at, normal, light, spots = work[2], work[9], work[10], work[14]
    sx, sy, sz = corner(tap)
    # Where to look: a fixed offset, then along the normal, then towards the light.
    fixed = 0.006 if tap < NORMAL_TAPS else 0.0
    out = 0.0 if tap < NORMAL_TAPS else (0.14 if tap == NORMAL_TAPS else 0.02)
    toward = 1.0 if tap > NORMAL_TAPS else 0.0
    for i in range(n):
        s = toward * light[2, i]
        at[0, i] = spots[0, i] + sx * fixed + normal[0, i] * out + p.key_x * s
        at[1, i] = spots[1, i] + sy * fixed + normal[1, i] * out + p.key_y * s
        at[2, i] = spots[2, i] + sz * fixed + normal[2, i] * out + p.key_z * s


def notice(tap: int, work: Any, n: int) -> None:
    """Takes in what was measured there. `light` gets shadow and occlusion, 1 in the open."""
    d, normal, light = work[3], work[9], work[10]
    if tap < NORMAL_TAPS:
        sx, sy, sz = corner(tap)
        for i in range(n):
            normal[0, i] += sx * d[i]
            normal[1, i] += sy * d[i]
            normal[2, i] += sz * d[i]
        if tap == NORMAL_TAPS - 1:
            unit(normal, n)
    elif tap == NORMAL_TAPS:
        for i in range(n):
            light[1, i] = clamp01(d[i] / 0.13)
    else:
        for i in range(n):
            s = light[2, i]
            light[0, i] = minimum(light[0, i], 0.5 + 2.5 * d[i] / s)
            light[2, i] = s + maximum(d[i], 0.05)


def shade(p: Parameters, work: Any, row_out: Array, n: int) -> None:
    """Adds each hit's quarter of its pixel's linear colour and cover to `row_out` (side, 4)."""
    rays, place, at, hits, index, kind, normal, light, color, spot, spot_of = (
        work[0], work[1], work[2], work[6], work[7], work[8], work[9], work[10],
        work[11], work[12], work[15],
    )  # fmt: skip
    done = 0
    for part in range(PART_COUNT):
        m: Any = np.int64(0)
        for i in range(n):
            if kind[i] == part:
                for k in range(3):
                    at[k, m] = hits[k, i]
                place[m] = i
                m += 1
        if m > 0:
            paint(part, p, at, spot, m)
            for i in range(m):
                for k in range(6):
                    color[k, place[i]] = spot[k, i]
        done += m
        if done == n:
            break
    for i in range(n):
        j = spot_of[i]
        shadow = smoothstep(0.0, 1.0, light[0, j])
        kr, kg, kb, highlight, rim = lit(
            normal[0, j], normal[1, j], normal[2, j], hits[3, i], hits[4, i], hits[5, i],
            shadow, light[1, j], color[3, i], color[4, i], color[5, i], p,
        )  # fmt: skip
        rays[0, i] = color[0, i] * kr + highlight * p.key_r + rim * p.sky_r
        rays[1, i] = color[1, i] * kg + highlight * p.key_g + rim * p.sky_g
        rays[2, i] = color[2, i] * kb + highlight * p.key_b + rim * p.sky_b
    for i in range(n):
        column = index[i]
        for k in range(3):
            row_out[column, k] += 0.25 * rays[k, i]
        row_out[column, 3] += 0.25


def trace(p: Parameters, steps: int, shadow_steps: int, out: Array) -> None:
    """Renders one picture with four rays a pixel into `out` (side, side, 4), linear and
    premultiplied by its cover, which is the fourth channel."""
    side = out.shape[0]
    room = 4 * side + LANES
    work = (
        np.empty((5, room), np.float32),  # rays: direction, where along it, how far at most
        np.empty(room, np.int32),  # index: the rays' places in the row
        np.zeros((3, room), np.float32),  # at: points to measure from
        np.empty(room, np.float32),  # d: distances found there
        np.empty(room, np.int32),  # kind: the parts found there
        np.empty(room, np.float32),  # spare
        np.empty((7, room), np.float32),  # hits: point, ray direction, how far along it
        np.empty(room, np.int32),  # hit_index
        np.empty(room, np.int32),  # hit_kind
        np.empty((3, room), np.float32),  # normal
        np.empty((3, room), np.float32),  # light: shadow, occlusion, progress of the shadow ray
        np.empty((6, room), np.float32),  # color: the painters' numbers for each hit
        np.empty((6, room), np.float32),  # spot: the same for the hits of one part
        np.empty((8, side), np.float32),  # pixels: what `sum_up` sums up
        np.empty((3, room), np.float32),  # spots: points to look around at
        np.empty(room, np.int32),  # spot_of: the spot of each hit
    )
    pixel = 1.0 / (number(side) * p.focal)
    out[:] = 0.0
    for row in range(side):
        n = cones(p, row, side, work)
        found: Any = np.int64(0)
        # All stages measure in one place: each more would have to be compiled.
        for stage in range(LOOK + 1):
            if stage == RAYS:  # empty space was crossed once for a pixel's four rays
                n = split(p, row, side, pixel, work, found)
            if stage == LOOK:
                n = gather(pixel, side, work, found)
                start_looking(work, n)
            else:
                found = np.int64(0)
            for step in range(1 + NORMAL_TAPS + shadow_steps if stage == LOOK else steps):
                if n == 0:
                    break
                if stage == LOOK:
                    around(p, step, work, n)
                else:
                    along(p, work, n)
                everything(work[2], p, work[3], work[4], work[5], n)
                if stage == LOOK:
                    notice(step, work, n)
                else:
                    wide = 3.0 if stage == CONES else 0.25
                    # A ray that is still under way after the last step grazes an outline.
                    last = 4.0 if stage == CONES else 2.0
                    reach = pixel * (wide if step < steps - 1 else last)
                    n, found = advance(p, reach, work, n, found)
        if found > 0:
            shade(p, work, out[row], found)
