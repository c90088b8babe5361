"""The shape of hair, one function a form, and of the headscarf that covers it."""

from __future__ import annotations

from .._compiled import described
from .face import face_x, face_y, mirrored
from .operations import absolute, maximum, minimum, sqrt, where
from .parameters import Parameters, Value
from .solids import (
    capsule,
    clamp01,
    ellipsoid,
    lumps,
    smooth_maximum,
    smooth_minimum,
    smoothstep,
    wave,
)


@described
def hairline(x: Value, ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    """Negative behind the hairline, a tilted plane bowed at the temples, lower at the fringe."""
    sweep = smoothstep(p.fringe_width, 0.05, absolute(x - p.fringe_x))
    jag = p.fringe_jag * wave(x * 5.5 + 0.2 * wave(x * 3.1))
    edge = p.hairline + 0.35 * ax * ax - p.fringe * sweep + jag
    # Sideburns: in front of the ear the hair comes lower than the plane would have it.
    side = -0.24 * smoothstep(0.50, 0.66, ax) * smoothstep(-0.42, -0.10, y) * p.sideburns
    return (z - y + edge + side) * 0.707


@described
def scalp_cap(x: Value, ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    """A shell over the skull behind the hairline; the parting is a groove in it."""
    side = x * p.side_volume
    d = ellipsoid(x, y - p.cap_y - side * 0.35, z + p.cap_z, p.cap_ix, p.cap_iy, p.cap_iz)
    groove = p.parting * smoothstep(0.06, 0.0, absolute(x - p.parting_x))
    d = d + groove * smoothstep(0.2, 0.6, y)
    return smooth_maximum(d, hairline(x, ax, y, z, p), 0.07)


@described
def cap_distance(x0: Value, y0: Value, z: Value, p: Parameters) -> Value:
    """Short hair of every kind, from buzzed to an afro."""
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    ax = mirrored(x)
    d = scalp_cap(x, ax, y, z, p)
    # Strands combed away from the parting, and round bumps for curls.
    strand = wave((x - p.parting_x) * 0.9 + z * 4.2 + 0.25 * wave(x * 5.0 + y * 2.0))
    d = d + p.strand_depth * strand * smoothstep(0.0, 0.5, y)
    return d + p.curl_depth * lumps(x, y, z, p.curl_frequency)


@described
def long_distance(x0: Value, y0: Value, z: Value, p: Parameters) -> Value:
    """Hair that hangs: the cap, a curtain on each side and the back."""
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    ax = mirrored(x)
    d = scalp_cap(x, ax, y, z, p)
    down = 0.45 + p.hair_length
    flow = p.wave_depth * wave(y * p.wave_frequency + 0.15 * wave(z * 2.0))
    side = capsule(
        ax - 0.66 + flow, y - 0.45, z + 0.10, p.curtain_out, -down, 0.06, p.curtain_radius
    )
    back = ellipsoid(x, y + 0.22, z + 0.40, 1.30 - 0.3 * p.curtain_out, 0.85 / p.hair_length, 1.7)
    back = smooth_maximum(back, -y - p.hair_length, 0.1)
    d = smooth_minimum(d, smooth_minimum(side, back, 0.15), 0.16)
    d = smooth_maximum(d, -y - p.hair_length - 0.05, 0.12)
    strand = wave(ax * 5.5 + z * 4.0 + flow * 6.0 + 0.3 * wave(y * 1.1))
    d = d + p.strand_depth * strand
    return d + p.curl_depth * lumps(x, y * 0.6, z, p.curl_frequency)


@described
def bun_distance(x0: Value, y0: Value, z: Value, p: Parameters) -> Value:
    """Hair pulled back tightly, with a knot high on the head that the front shows too."""
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    ax = mirrored(x)
    d = scalp_cap(x, ax, y, z, p)
    d = d + p.strand_depth * wave((x * 0.7 + z * 0.3) * 8.0 + 0.2 * wave(y * 3.0))
    kx = x - p.knot_x
    ky = y - p.knot_y
    kz = z + 0.28
    knot = ellipsoid(kx, ky, kz, 1.0 / p.knot_radius, 1.18 / p.knot_radius, 1.0 / p.knot_radius)
    swirl = wave(2.6 * ky + 2.2 * sqrt(kx * kx + kz * kz + 0.0001) / p.knot_radius + kx * 3.0)
    knot = knot + 0.018 * swirl
    return smooth_minimum(d, knot, 0.05)


@described
def braids_distance(x0: Value, y0: Value, z: Value, p: Parameters) -> Value:
    """Rows along the scalp and three plaits a side that hang over the shoulders."""
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    ax = mirrored(x)
    d = scalp_cap(x, ax, y, z, p)
    d = d + 0.034 * wave(x * p.row_frequency + 0.25) * smoothstep(-0.2, 0.3, y)
    reach = -0.50 - p.hair_length
    beads = 0.022 * absolute(wave(y * 3.3)) * 2.0 - 0.022
    front = capsule(ax - 0.72, y - 0.25, z + 0.02, 0.10, reach, 0.10, 0.078)
    middle = capsule(ax - 0.76, y - 0.20, z + 0.24, 0.20, reach, 0.12, 0.078)
    back = capsule(ax - 0.62, y - 0.15, z + 0.46, 0.14, reach, 0.02, 0.085)
    plaits = minimum(front, minimum(middle, back)) - beads
    return smooth_minimum(d, plaits, 0.03)


@described
def scarf_distance(x0: Value, y0: Value, z: Value, p: Parameters) -> Value:
    """A headscarf: cloth over head and neck with an oval opening for the face."""
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    ax = mirrored(x)
    d = ellipsoid(x, y - 0.22, z + 0.14, 1.20, 1.13, 0.95)
    d = smooth_minimum(d, ellipsoid(x, y + 0.45, z - 0.02, 1.33, 1.20, 1.35), 0.22)
    d = smooth_minimum(d, ellipsoid(x, y + 1.20, z + 0.10, 1.15, 2.1, 1.45), 0.25)
    fold = wave(y * 1.6 + ax * 1.3 + 0.3 * wave(x * 1.1 + z)) * smoothstep(0.1, -0.5, y)
    crown = wave(y * 2.2 - z * 1.6 + x * 0.8) * smoothstep(-0.1, 0.5, y)
    d = d + 0.022 * fold + 0.010 * crown
    oy = (y + 0.12 + 0.04 * p.mouth_open) / (0.80 + 0.06 * p.mouth_open)
    opening = (sqrt(x * x / 0.36 + oy * oy) - 1.0) * 0.58
    return smooth_maximum(d, -maximum(opening, 0.05 - z), 0.06)


@described
def scalp_shadow(x: Value, ax: Value, y: Value, z: Value, p: Parameters) -> Value:
    """How much cropped hair darkens the scalp, in [0, 1]."""
    line = hairline(x, ax, y, z, p)
    return clamp01(smoothstep(0.03, -0.05, line)) * where(y > -0.75, 1.0, 0.0)


@described
def hair_distance(x: Value, y: Value, z: Value, p: Parameters) -> Value:
    """The distance to whichever form this person wears; backends choose by form instead."""
    f = p.hair_form
    d = where(absolute(f - 1.0) < 0.5, cap_distance(x, y, z, p), 9.0)
    d = where(absolute(f - 2.0) < 0.5, long_distance(x, y, z, p), d)
    d = where(absolute(f - 3.0) < 0.5, bun_distance(x, y, z, p), d)
    d = where(absolute(f - 4.0) < 0.5, braids_distance(x, y, z, p), d)
    return where(absolute(f - 5.0) < 0.5, scarf_distance(x, y, z, p), d)
