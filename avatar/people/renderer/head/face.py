"""The shape of skin, eyes and mouth."""

from __future__ import annotations

from .._compiled import described
from .operations import absolute, maximum, minimum, sqrt, where
from .parameters import Parameters, Value
from .solids import (
    capsule,
    clamp01,
    ellipsoid,
    smooth_maximum,
    smooth_minimum,
    smoothstep,
    sphere,
    wave,
)


@described
def face_x(x: Value, y: Value, p: Parameters) -> Value:
    """x in the average face's proportions."""
    lower = clamp01(0.3 - y * 0.8)
    return x / (p.face_width * (1.0 + p.lower_width * lower))


@described
def face_y(y: Value, p: Parameters) -> Value:
    """y in the average face's proportions."""
    return y * (1.0 / p.face_height)


@described
def mirrored(x: Value) -> Value:
    """The distance from the middle plane, rounded there so that surfaces have no crease."""
    return sqrt(x * x + 0.0004)


@described
def mouth_y(ax: Value, y: Value, p: Parameters) -> Value:
    """y in a mouth whose corners are not raised."""
    return y - p.smile * ax * ax


@described
def lid_distance(ex: Value, ey: Value, p: Parameters) -> Value:
    """Negative inside the eye opening, which two circular arcs bound."""
    a = ey - p.upper_lid_y
    b = ey - p.lower_lid_y
    upper = sqrt(ex * ex + a * a) - p.upper_lid_radius
    lower = sqrt(ex * ex + b * b) - p.lower_lid_radius
    return maximum(upper, lower)


@described
def full_beard_mask(ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    """1 where a full beard grows: cheeks below a falling line, jaw, chin and upper lip."""
    ym = mouth_y(ax, y, p)
    edge = -0.375 - 0.10 * smoothstep(0.06, 0.24, ax) + 0.44 * smoothstep(0.26, 0.74, ax)
    edge = edge + 0.014 * wave(ax * 9.0 + z * 3.0) - 0.30 * smoothstep(0.20, -0.1, z)
    on = smoothstep(0.03, -0.09, y - edge) * smoothstep(-1.14, -0.86, y)
    on = on * smoothstep(-0.10, 0.14, z)
    low = ym + 0.512 + 0.10 * p.mouth_open
    open_lips = sqrt(ax * ax * 20.0 + low * low * (130.0 - 85.0 * p.mouth_open))
    return on * smoothstep(0.80, 1.15, open_lips)


@described
def goatee_mask(ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    """1 on the chin, and in a strip up to the lower lip."""
    yc = y + 0.80 + 0.14 * p.mouth_open
    r = sqrt(ax * ax * 26.0 + yc * yc * 26.0)
    strip = sqrt(ax * ax * 160.0 + (yc - 0.16) * (yc - 0.16) * 90.0)
    return smoothstep(1.10, 0.80, minimum(r, strip)) * smoothstep(0.2, 0.35, z)


@described
def moustache_mask(ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    """1 between nose and upper lip, the ends drooping past the corners."""
    ym = mouth_y(ax, y, p) + 0.413 + 0.55 * ax * ax
    t = ax / 0.30
    height = 0.054 * (1.05 - 0.50 * t * t)
    return (
        smoothstep(1.25, 0.75, absolute(ym) / maximum(height, 0.01))
        * smoothstep(0.33, 0.26, ax)
        * smoothstep(0.3, 0.45, z)
    )


@described
def facial_hair_mask(ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    """Where facial hair with volume grows, in [0, 1]."""
    mask = p.full_beard * full_beard_mask(ax, y, z, p)
    mask = maximum(mask, p.goatee * goatee_mask(ax, y, z, p))
    return maximum(mask, p.moustache * moustache_mask(ax, y, z, p))


@described
def skull(x: Value, ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    drop = 0.14 * p.mouth_open
    d = ellipsoid(x, y - 0.25, z + 0.12, 1.43, 1.36, 1.11)
    d = smooth_minimum(d, ellipsoid(x, y + 0.15, z - 0.16, 1.58, 1.27, 1.80), 0.25)
    jaw_y = y + 0.58 + 0.5 * drop
    d = smooth_minimum(d, ellipsoid(x, jaw_y, z - 0.18, p.jaw_inverse, 2.7, 2.3), 0.24)
    d = smooth_minimum(d, sphere(x, y - p.chin_y + drop, z - p.chin_z, p.chin_radius), 0.22)
    cheek_y = y + 0.17 - 0.05 * p.smile
    d = smooth_minimum(d, sphere(ax - 0.37, cheek_y, z - 0.42, p.cheek_radius), 0.20)
    jowl = sphere(ax - 0.33, y + 0.62, z - 0.33, 0.12 + 0.10 * p.age)
    d = smooth_minimum(d, jowl, 0.14)
    brow = capsule(ax - 0.05, y - 0.165, z - 0.66, 0.34, 0.03, -0.14, p.brow_ridge)
    return smooth_minimum(d, brow, 0.12)


@described
def nose(x: Value, ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    tip_z = p.nose_z
    low = p.nose_length
    bridge = capsule(x, y - 0.10, z - 0.66, 0.0, -0.32 - low, tip_z - 0.66, p.nose_bridge)
    tip = sphere(x, y + 0.235 + low, z - tip_z - 0.005, 0.055 + 0.35 * p.nose_width)
    d = smooth_minimum(bridge, tip, 0.06)
    wing_x = ax - 0.8 * p.nose_width - 0.012
    wing = sphere(wing_x, y + 0.265 + low, z - tip_z + 0.10, 0.02 + 0.45 * p.nose_width)
    return smooth_minimum(d, wing, 0.06)


@described
def lips(x: Value, ym: Value, z: Value, d: Value, p: Parameters) -> Value:
    """Adds lips to the skin's distance d and cuts the open mouth out of it."""
    inverse = 1.0 / p.mouth_width
    drop = 0.20 * p.mouth_open
    upper = ellipsoid(x, ym + 0.462, z - 0.665, inverse, 1.0 / p.lip_height, 9.5)
    d = smooth_minimum(d, upper, 0.05)
    low = ellipsoid(x, ym + 0.553 + drop, z - 0.645, inverse * 1.15, 0.85 / p.lip_height, 9.5)
    d = smooth_minimum(d, low, 0.05)
    gap = ellipsoid(
        x, ym + 0.507 + 0.5 * drop, z - 0.75, inverse * 1.12, 1.0 / (0.52 * drop + 0.004), 4.0
    )
    return where(p.mouth_open > 0.02, smooth_maximum(d, -gap, 0.02), d)


@described
def ears(ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    out = ax - 0.715 - 0.10 * (0.1 - z)
    d = ellipsoid(out, y + 0.06, z + 0.10, 15.0, 1.0 / p.ear_size, 1.65 / p.ear_size)
    return smooth_maximum(d, -sphere(ax - 0.815, y + 0.05, z + 0.05, 0.075), 0.04)


@described
def skin_distance(x0: Value, y0: Value, z: Value, p: Parameters) -> Value:
    """Distance to the skin of head and neck, with openings for eyes and mouth."""
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    ax = mirrored(x)
    d = skull(x, ax, y, z, p)
    ex = ax - p.eye_x
    ey = y - p.eye_tilt * ex
    ez = z - 0.57
    d = smooth_maximum(d, -sphere(ex + 0.02, y + 0.01, z - 0.84, 0.17), 0.16)
    d = smooth_minimum(d, sphere(ex, ey, ez, p.eye_radius + 0.024), 0.07)
    d = smooth_minimum(d, nose(x, ax, y, z, p), 0.09)
    d = lips(x, mouth_y(ax, y, p), z, d, p)
    neck = capsule(x, y + 0.55, z + 0.20, 0.0, -1.1, -0.08, p.neck_radius)
    d = smooth_minimum(d, neck, 0.14)
    d = smooth_minimum(d, ears(ax, y, z, p), 0.05)
    fuzz = 0.8 + 0.2 * wave(ax * 13.0 + 0.3 * wave(y * 9.0)) * wave(z * 11.0 + y * 6.0)
    d = d - p.beard_length * fuzz * facial_hair_mask(ax, y, z, p)
    return smooth_maximum(d, -maximum(lid_distance(ex, ey, p), -ez), 0.02)


@described
def eye_distance(x0: Value, y0: Value, z: Value, p: Parameters) -> Value:
    y = face_y(y0, p)
    ex = mirrored(face_x(x0, y0, p)) - p.eye_x
    return sphere(ex, y - p.eye_tilt * ex, z - 0.57, p.eye_radius)


@described
def mouth_distance(x0: Value, y0: Value, z: Value, p: Parameters) -> Value:
    """Teeth and tongue: a rounded block behind the lips, seen only through an open mouth."""
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    d = ellipsoid(x, y + 0.56, z - 0.48, 4.2, 4.0, 6.0)
    return where(p.mouth_open > 0.02, d, 9.0)
