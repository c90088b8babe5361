"""Colours of skin: tone, blush, freckles, lips, lids, brows, wrinkles, cropped and facial hair.

Painters return (red, green, blue, shine, gloss, softness): linear albedo, highlight strength and
sharpness, and translucency.
"""

from __future__ import annotations

from .._compiled import described
from .face import (
    face_x,
    face_y,
    facial_hair_mask,
    full_beard_mask,
    lid_distance,
    mirrored,
    mouth_y,
)
from .hair import scalp_shadow
from .operations import absolute, floor, maximum, sqrt, where
from .parameters import Parameters, Value
from .solids import bump, clamp01, lumps, mix, smoothstep, square, wave


@described
def blush(x: Value, ax: Value, y: Value) -> Value:
    """Where blood shows: cheeks, the tip of the nose, ears."""
    cheek = 0.60 * bump((square(ax - 0.40) + square(y + 0.24)) * 40.0)
    nose = 0.40 * bump((x * x + square(y + 0.26)) * 110.0)
    ear = 0.5 * smoothstep(0.66, 0.74, ax) * smoothstep(0.3, 0.1, absolute(y + 0.05))
    return cheek + nose + ear


@described
def freckle_mask(x: Value, y: Value, z: Value, p: Parameters) -> Value:
    """Spots over nose and cheeks, in [0, 1]."""
    # One spot in each cell of a brick pattern, off its centre and of its own size.
    row = floor(y * 13.0)
    u = x * 13.0 + 0.5 * wave(row * 0.5 + 0.25)
    column = floor(u)
    dx = u - column - 0.5 + 0.28 * wave(column * 0.377 + row * 0.613)
    dy = y * 13.0 - row - 0.5 + 0.28 * wave(column * 0.731 + row * 0.289)
    size = 0.30 + 0.13 * wave(column * 0.567 + row * 0.171)
    spots = smoothstep(size, size * 0.4, sqrt(dx * dx + dy * dy))
    on = bump(square(y + 0.17) * 22.0) * smoothstep(0.66, 0.48, absolute(x))
    return p.freckles * spots * on * smoothstep(0.25, 0.45, z)


@described
def wrinkle_mask(ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    """Lines of age: folds beside the mouth, bags under the eyes, forehead, crow's feet."""
    front = smoothstep(0.30, 0.45, z)
    fold_x = ax - 0.17 - 0.30 * maximum(-0.26 - y, 0.0) - 0.04
    fold = smoothstep(0.030, 0.004, absolute(fold_x)) * smoothstep(-0.62, -0.50, y)
    fold = fold * smoothstep(-0.22, -0.30, y)
    ex = ax - p.eye_x
    bag_y = y + 0.145 - 0.9 * ex * ex
    bag = smoothstep(0.030, 0.004, absolute(bag_y)) * smoothstep(0.19, 0.12, absolute(ex))
    lines = smoothstep(0.75, 0.97, wave(y * 8.2 + 0.06 * wave(ax * 1.4)))
    lines = lines * smoothstep(0.36, 0.44, y) * smoothstep(0.80, 0.70, y)
    lines = lines * smoothstep(0.50, 0.30, ax)
    feet = smoothstep(0.70, 0.95, wave((y + 0.02) * 13.0 + (ax - 0.45) * 3.0 * wave(y * 2.0)))
    feet = feet * bump((square(ax - 0.50) + square(y + 0.0)) * 420.0)
    marionette = 0.5 * smoothstep(0.035, 0.004, absolute(ax - 0.235 - 0.1 * (y + 0.7)))
    marionette = marionette * smoothstep(-0.80, -0.72, y) * smoothstep(-0.56, -0.62, y) * p.age
    return p.age * front * clamp01(0.85 * fold + 0.75 * bag + 0.6 * lines + 0.7 * feet + marionette)


@described
def lip_mask(ax: Value, ym: Value, p: Parameters) -> Value:
    drop = 0.20 * p.mouth_open
    cupid = 0.70 + 0.3 * smoothstep(0.0, 0.07, ax)
    above = (ym + 0.505) / (p.lip_height * 1.75 * cupid)
    below = (ym + 0.505) / (p.lip_height * 2.3 + drop)
    v = where(ym > -0.505, above, below)
    return smoothstep(1.12, 0.88, sqrt(square(ax / (p.mouth_width * 1.08)) + v * v))


@described
def line_mask(ax: Value, y: Value, z: Value, ym: Value, p: Parameters) -> Value:
    """Dark lines that shape alone is too coarse for: mouth, nostrils, lashes, lid crease."""
    front = smoothstep(0.25, 0.5, z)
    mouth = smoothstep(0.022, 0.004, absolute(ym + 0.507)) * front * 0.75
    mouth = mouth * smoothstep(1.12, 0.9, ax / (p.mouth_width * 1.08))
    mouth = mouth * smoothstep(0.15, 0.02, p.mouth_open)
    nostril = square(ax - 0.62 * p.nose_width) + square(y + 0.315 + p.nose_length) * 1.6
    nostril = nostril + square(z - p.nose_z + 0.05) * 0.6
    hole = smoothstep(0.050, 0.022, sqrt(nostril)) * 0.8
    ex = ax - p.eye_x
    ey = y - p.eye_tilt * ex
    lid = lid_distance(ex, ey, p)
    near = smoothstep(0.45, 0.55, z)
    lash = smoothstep(0.032, 0.006, absolute(lid - 0.006)) * smoothstep(-0.015, 0.02, ey) * 0.9
    lash = maximum(lash, smoothstep(0.020, 0.0, absolute(lid)) * 0.35)
    crease = smoothstep(0.022, 0.0, absolute(lid - 0.058)) * smoothstep(0.0, 0.05, ey) * 0.30
    return maximum(maximum(mouth, hole), maximum(lash, crease) * near)


@described
def brow_mask(ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    bx = ax - 0.29
    by = y - p.brow_y + 0.55 * bx * bx - 0.06 * bx
    half = p.brow_thickness * (1.15 - 1.3 * bx)
    ragged = 0.12 * wave(ax * 16.0 + y * 8.0)
    return (
        smoothstep(1.25, 0.55, absolute(by) / half + ragged)
        * smoothstep(0.225, 0.17, absolute(bx))
        * smoothstep(0.3, 0.45, z)
    )


@described
def hair_on_skin(
    x: Value, ax: Value, y: Value, z: Value, p: Parameters
) -> tuple[Value, Value, Value]:
    """Cover of brows, of facial hair with stubble, and of cropped scalp hair, each in [0, 1]."""
    grain = 0.5 + 0.5 * lumps(x, y, z, 9.0)
    beard = facial_hair_mask(ax, y, z, p)
    stubble = full_beard_mask(ax, y, z, p) * p.stubble * (0.45 + 0.35 * grain)
    cropped = p.cropped * scalp_shadow(x, ax, y, z, p) * (0.72 + 0.28 * grain)
    return brow_mask(ax, y, z, p), maximum(beard, stubble), cropped


@described
def paint_skin(
    x0: Value, y0: Value, z: Value, p: Parameters
) -> tuple[Value, Value, Value, Value, Value, Value]:
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    ax = mirrored(x)
    ym = mouth_y(ax, y, p)
    front = smoothstep(0.25, 0.5, z)
    red = blush(x, ax, y) * p.blush
    spots = freckle_mask(x, y, z, p)
    age = 1.0 - 0.06 * p.age * (1.0 + lumps(x, y, z, 2.2))
    r = p.skin_r * (1.0 + 0.10 * red) * (1.0 - 0.40 * spots) * age
    g = p.skin_g * (1.0 - 0.17 * red) * (1.0 - 0.62 * spots) * age
    b = p.skin_b * (1.0 - 0.15 * red) * (1.0 - 0.72 * spots) * age
    lip = lip_mask(ax, ym, p) * front
    r = mix(r, p.skin_r * p.lip_r, lip)
    g = mix(g, p.skin_g * p.lip_g, lip)
    b = mix(b, p.skin_b * p.lip_b, lip)
    fold = wrinkle_mask(ax, y, z, p)
    dark = 1.0 - maximum(line_mask(ax, y, z, ym, p), 0.52 * fold)
    r = r * mix(dark, 1.0, 0.10)
    g = g * dark
    b = b * dark
    brow, beard, cropped = hair_on_skin(x, ax, y, z, p)
    streak = 0.85 + 0.25 * wave(ax * 14.0 + 0.3 * wave(y * 9.0)) * wave(z * 11.0 + y * 5.0)
    cover = maximum(beard * 0.96, cropped)
    r = mix(mix(r, p.hair_r * streak, cover), p.brow_r, brow * 0.92)
    g = mix(mix(g, p.hair_g * streak, cover), p.brow_g, brow * 0.92)
    b = mix(mix(b, p.hair_b * streak, cover), p.brow_b, brow * 0.92)
    hairy = maximum(cover, brow)
    shine = mix(0.10 + 0.09 * lip, 0.04, hairy)
    return r, g, b, shine, 16.0 + 8.0 * lip, 1.0 - hairy


@described
def paint_eye(
    x0: Value, y0: Value, z: Value, p: Parameters
) -> tuple[Value, Value, Value, Value, Value, Value]:
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    ex = mirrored(x) - p.eye_x
    ey = y - p.eye_tilt * ex
    side = where(x > 0.0, 1.0, -1.0)
    qx = ex / p.eye_radius * side - p.gaze_x
    qy = y / p.eye_radius - p.gaze_y
    radius = sqrt(qx * qx + qy * qy)
    iris = smoothstep(0.55, 0.48, radius)
    black = 1.0 - 0.96 * smoothstep(0.25, 0.18, radius)
    limb = 1.25 - 0.75 * smoothstep(0.30, 0.53, radius)
    lid = lid_distance(ex, ey, p)
    shade = mix(0.45, 1.0, smoothstep(0.0, -0.05, lid)) * mix(1.0, 0.65, smoothstep(0.01, 0.06, ey))
    r = mix(0.86, p.iris_r * limb, iris) * black * shade
    g = mix(0.82, p.iris_g * limb, iris) * black * shade
    b = mix(0.79, p.iris_b * limb, iris) * black * shade
    return r, g, b, 0.5, 60.0, 0.3


@described
def paint_mouth(
    x0: Value, y0: Value, z: Value, p: Parameters
) -> tuple[Value, Value, Value, Value, Value, Value]:
    """Upper teeth, with the dark of the mouth and the tongue below them."""
    y = face_y(y0, p)
    x = face_x(x0, y0, p)
    ax = mirrored(x)
    below = -0.507 - mouth_y(ax, y, p)
    edge = 0.055 + 0.025 * p.mouth_open
    teeth = smoothstep(edge + 0.02, edge - 0.01, below) * smoothstep(0.2, 0.13, ax)
    gaps = 1.0 - 0.12 * smoothstep(0.75, 1.0, wave(x * 13.0))
    tongue = smoothstep(0.10, 0.16, below)
    r = mix(mix(0.06, 0.30, tongue), 0.80 * gaps, teeth)
    g = mix(mix(0.015, 0.075, tongue), 0.75 * gaps, teeth)
    b = mix(mix(0.015, 0.07, tongue), 0.66 * gaps, teeth)
    return r, g, b, 0.15, 20.0, 0.2
