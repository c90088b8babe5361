"""Sphere tracing of the described head, in packets that the compiler can put in SIMD lanes.

Plain Python over arrays, translated by `_translate.for_numba`; it runs (slowly) as it stands. Every
loop that calls a distance is free of branches, so LLVM vectorises it; what differs between people
(the form of the hair, glasses) is chosen outside the loops. Rays that have ended leave the packet.

Sphere tracing: John C. Hart, "Sphere tracing", The Visual Computer 12, 1996.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .head.camera import ray, ray_bounds
from .head.face import eye_distance, mouth_distance, skin_distance
from .head.hair import (
    braids_distance,
    bun_distance,
    cap_distance,
    long_distance,
    scarf_distance,
)
from .head.light import lit
from .head.operations import maximum, minimum, number, sqrt
from .head.paint_face import paint_eye, paint_mouth, paint_skin
from .head.paint_rest import (
    paint_earring,
    paint_glasses,
    paint_hair,
    paint_scarf,
    paint_torso,
)
from .head.solids import clamp01
from .head.wear import earring_distance, glasses_distance, torso_distance

Array = Any
Parameters = Any


def body(x: Array, y: Array, z: Array, p: Parameters, out: Array, n: int) -> None:
    for i in range(n):
        a = minimum(skin_distance(x[i], y[i], z[i], p), eye_distance(x[i], y[i], z[i], p))
        b = minimum(torso_distance(x[i], y[i], z[i], p), mouth_distance(x[i], y[i], z[i], p))
        out[i] = minimum(a, b)


def hair(x: Array, y: Array, z: Array, p: Parameters, out: Array, n: int) -> None:
    """Lowers `out` to the distance of the hair."""
    form = int(p.hair_form)
    if form == 1:
        for i in range(n):
            out[i] = minimum(out[i], cap_distance(x[i], y[i], z[i], p))
    elif form == 2:
        for i in range(n):
            out[i] = minimum(out[i], long_distance(x[i], y[i], z[i], p))
    elif form == 3:
        for i in range(n):
            out[i] = minimum(out[i], bun_distance(x[i], y[i], z[i], p))
    elif form == 4:
        for i in range(n):
            out[i] = minimum(out[i], braids_distance(x[i], y[i], z[i], p))
    elif form == 5:
        for i in range(n):
            out[i] = minimum(out[i], scarf_distance(x[i], y[i], z[i], p))


def worn(x: Array, y: Array, z: Array, p: Parameters, out: Array, n: int) -> None:
    """Lowers `out` to the distance of glasses and earrings."""
    if p.has_glasses > 0.5:
        for i in range(n):
            out[i] = minimum(out[i], glasses_distance(x[i], y[i], z[i], p))
    if p.has_earrings > 0.5:
        for i in range(n):
            out[i] = minimum(out[i], earring_distance(x[i], y[i], z[i], p))


def everything(x: Array, y: Array, z: Array, p: Parameters, out: Array, n: int) -> None:
    body(x, y, z, p, out, n)
    hair(x, y, z, p, out, n)
    worn(x, y, z, p, out, n)


def start(p: Parameters, row: int, side: int, rays: Array, index: Array) -> int:
    """Fills `rays` (dx, dy, dz, t, far) with two sub-rows' rays that can meet something."""
    wide = 2 * side
    scale = 1.0 / number(side)
    for i in range(2 * wide):
        u = (number(i % wide) + 0.5) * scale - 1.0
        v = 1.0 - (number(2 * row + i // wide) + 0.5) * scale
        dx, dy, dz = ray(u, v, p)
        near, far = ray_bounds(dx, dy, dz, p)
        rays[0, i] = dx
        rays[1, i] = dy
        rays[2, i] = dz
        rays[3, i] = near
        rays[4, i] = far
    n = 0
    for i in range(2 * wide):
        if rays[3, i] < rays[4, i]:
            for k in range(5):
                rays[k, n] = rays[k, i]
            index[n] = i
            n += 1
    return n


def march(
    p: Parameters, pixel: Any, steps: int, rays: Array, index: Array, at: Array, d: Array,
    hits: Array, hit_index: Array, n: int,
) -> int:
    """Walks every ray to its first surface; `hits` gets (x, y, z, dx, dy, dz). Returns how many."""
    found = 0
    for step in range(steps):
        for i in range(n):
            at[0, i] = p.eye_at_x + rays[0, i] * rays[3, i]
            at[1, i] = p.eye_at_y + rays[1, i] * rays[3, i]
            at[2, i] = p.eye_at_z + rays[2, i] * rays[3, i]
        everything(at[0], at[1], at[2], p, d, n)
        # In the last step a ray that all but touches has hit: it grazes an outline.
        reach = pixel * (0.25 if step < steps - 1 else 2.0)
        kept = 0
        for i in range(n):
            t = rays[3, i]
            if d[i] < reach * t:
                for k in range(3):
                    hits[k, found] = at[k, i]
                    hits[k + 3, found] = rays[k, i]
                hit_index[found] = index[i]
                found += 1
            elif t + d[i] < rays[4, i]:
                for k in range(3):
                    rays[k, kept] = rays[k, i]
                rays[3, kept] = t + d[i] * p.step_scale
                rays[4, kept] = rays[4, i]
                index[kept] = index[i]
                kept += 1
        n = kept
        if n == 0:
            break
    return found


def normals(p: Parameters, hits: Array, at: Array, d: Array, normal: Array, n: int) -> None:
    """Unit normals by the tetrahedron technique, four taps."""
    for k in range(3):
        for i in range(n):
            normal[k, i] = 0.0
    for tap in range(4):
        sx = 1.0 if tap == 0 or tap == 3 else -1.0
        sy = 1.0 if tap == 2 or tap == 3 else -1.0
        sz = 1.0 if tap == 1 or tap == 3 else -1.0
        for i in range(n):
            at[0, i] = hits[0, i] + sx * 0.006
            at[1, i] = hits[1, i] + sy * 0.006
            at[2, i] = hits[2, i] + sz * 0.006
        everything(at[0], at[1], at[2], p, d, n)
        for i in range(n):
            normal[0, i] += sx * d[i]
            normal[1, i] += sy * d[i]
            normal[2, i] += sz * d[i]
    for i in range(n):
        a = normal[0, i]
        b = normal[1, i]
        c = normal[2, i]
        k = 1.0 / sqrt(a * a + b * b + c * c + 0.000000001)
        normal[0, i] = a * k
        normal[1, i] = b * k
        normal[2, i] = c * k


def visibility(
    p: Parameters, hits: Array, normal: Array, at: Array, d: Array, light: Array, n: int,
    steps: int,
) -> None:
    """`light[0]`: the soft shadow of the key light; `light[1]`: ambient occlusion. 1 is open."""
    for i in range(n):
        for k in range(3):
            at[k, i] = hits[k, i] + normal[k, i] * 0.14
    everything(at[0], at[1], at[2], p, d, n)
    for i in range(n):
        light[0, i] = 1.0
        light[1, i] = clamp01(d[i] / 0.13)
        light[2, i] = 0.05
    for _ in range(steps):
        for i in range(n):
            s = light[2, i]
            at[0, i] = hits[0, i] + normal[0, i] * 0.02 + p.key_x * s
            at[1, i] = hits[1, i] + normal[1, i] * 0.02 + p.key_y * s
            at[2, i] = hits[2, i] + normal[2, i] * 0.02 + p.key_z * s
        everything(at[0], at[1], at[2], p, d, n)
        for i in range(n):
            s = light[2, i]
            light[0, i] = minimum(light[0, i], 0.5 + 2.5 * d[i] / s)
            light[2, i] = s + maximum(d[i], 0.05)
    for i in range(n):
        s = clamp01(light[0, i])
        light[0, i] = s * s * (3.0 - 2.0 * s)


def materials(p: Parameters, hits: Array, d: Array, nearest: Array, kind: Array, n: int) -> None:
    """Which surface each hit lies on: skin, eye, mouth, torso, hair, glasses, earring (0 to 6)."""
    x = hits[0]
    y = hits[1]
    z = hits[2]
    for i in range(n):
        nearest[i] = skin_distance(x[i], y[i], z[i], p)
        kind[i] = 0
    for part in range(1, 7):
        if part == 1:
            for i in range(n):
                d[i] = eye_distance(x[i], y[i], z[i], p)
        elif part == 2:
            for i in range(n):
                d[i] = mouth_distance(x[i], y[i], z[i], p)
        elif part == 3:
            for i in range(n):
                d[i] = torso_distance(x[i], y[i], z[i], p)
        else:
            for i in range(n):
                d[i] = 9.0
            if part == 4:
                hair(x, y, z, p, d, n)
            elif part == 5 and p.has_glasses > 0.5:
                for i in range(n):
                    d[i] = glasses_distance(x[i], y[i], z[i], p)
            elif part == 6 and p.has_earrings > 0.5:
                for i in range(n):
                    d[i] = earring_distance(x[i], y[i], z[i], p)
        for i in range(n):
            if d[i] < nearest[i]:
                nearest[i] = d[i]
                kind[i] = part


def paint(kind: int, x: Any, y: Any, z: Any, p: Parameters) -> Any:
    if kind == 0:
        return paint_skin(x, y, z, p)
    if kind == 1:
        return paint_eye(x, y, z, p)
    if kind == 2:
        return paint_mouth(x, y, z, p)
    if kind == 3:
        return paint_torso(x, y, z, p)
    if kind == 5:
        return paint_glasses(x, y, z, p)
    if kind == 6:
        return paint_earring(x, y, z, p)
    if p.hair_form > 4.5:
        return paint_scarf(x, y, z, p)
    return paint_hair(x, y, z, p)


def shade(
    p: Parameters, hits: Array, normal: Array, light: Array, kind: Array, index: Array,
    row_out: Array, n: int,
) -> None:
    """Adds each hit's quarter of its pixel's linear colour and cover to `row_out` (side, 4)."""
    wide = 2 * row_out.shape[0]
    for i in range(n):
        r, g, b, shine, gloss, soft = paint(kind[i], hits[0, i], hits[1, i], hits[2, i], p)
        kr, kg, kb, highlight, rim = lit(
            normal[0, i], normal[1, i], normal[2, i], hits[3, i], hits[4, i], hits[5, i],
            light[0, i], light[1, i], shine, gloss, soft, p,
        )
        column = (index[i] % wide) // 2
        row_out[column, 0] += 0.25 * (r * kr + highlight * p.key_r + rim * p.sky_r)
        row_out[column, 1] += 0.25 * (g * kg + highlight * p.key_g + rim * p.sky_g)
        row_out[column, 2] += 0.25 * (b * kb + highlight * p.key_b + rim * p.sky_b)
        row_out[column, 3] += 0.25


def trace(p: Parameters, steps: int, shadow_steps: int, out: Array) -> None:
    """Renders one picture with four rays a pixel into `out` (side, side, 4), linear and
    premultiplied by its cover, which is the fourth channel."""
    side = out.shape[0]
    room = 4 * side
    rays = np.empty((5, room), np.float32)
    at = np.empty((3, room), np.float32)
    hits = np.empty((6, room), np.float32)
    normal = np.empty((3, room), np.float32)
    light = np.empty((3, room), np.float32)
    d = np.empty(room, np.float32)
    index = np.empty(room, np.int32)
    hit_index = np.empty(room, np.int32)
    kind = np.empty(room, np.int32)
    pixel = 1.0 / (number(side) * p.focal)
    out[:] = 0.0
    for row in range(side):
        n = start(p, row, side, rays, index)
        n = march(p, pixel, steps, rays, index, at, d, hits, hit_index, n)
        if n > 0:
            normals(p, hits, at, d, normal, n)
            visibility(p, hits, normal, at, d, light, n, shadow_steps)
            materials(p, hits, d, rays[0], kind, n)
            shade(p, hits, normal, light, kind, hit_index, out[row], n)
