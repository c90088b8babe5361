"""Clothes, glasses and earrings."""

from __future__ import annotations

from .._compiled import described
from .face import face_x, face_y, mirrored
from .operations import absolute, maximum, minimum, sqrt, where
from .parameters import Parameters, Value
from .solids import capsule, ellipsoid, mix, ring, smooth_minimum, smoothstep, wave


@described
def neckline(x: Value, y: Value, z: Value, p: Parameters) -> Value:
    """Positive on cloth, negative on bare skin: how far below the neckline the point lies."""
    ax = absolute(x)
    front = smoothstep(-0.25, 0.1, z)
    round_depth = p.neck_depth * (1.0 - smoothstep(0.10, p.neck_open, ax))
    v_depth = p.neck_depth * maximum(1.0 - ax / p.neck_open, 0.0)
    depth = mix(round_depth, v_depth, p.v_neck) * front
    # Straps: bare shoulders outside them.
    bare = p.straps * smoothstep(0.16, 0.10, absolute(ax - 0.46) - 0.02)
    shoulder = where(p.straps > 0.5, smoothstep(-1.34, -1.46, y) + bare - 0.5, 1.0)
    return minimum(-1.16 - 0.16 * front - depth - y, shoulder)


@described
def torso_distance(x: Value, y: Value, z: Value, p: Parameters) -> Value:
    """Shoulders and chest with the clothes' thickness, collar, hood or roll neck."""
    ax = mirrored(x)
    d = capsule(ax - 0.16, y + 1.44, z + 0.26, p.shoulder_width, -0.24, 0.0, 0.32)
    d = smooth_minimum(d, ellipsoid(x, y + 2.02, z + 0.18, 0.98, 1.35, 1.75), 0.3)
    slope = smoothstep(0.75, 0.15, ax) * 0.16
    d = d - slope * 0.6
    cloth = smoothstep(-0.02, 0.03, neckline(x, y, z, p))
    d = d - 0.035 * cloth - p.knit_depth * cloth * wave(x * 7.0) * wave(y * 7.0)
    tilted = y + p.collar_y - 0.30 * z
    lapel = p.collar_gap * smoothstep(0.28, 0.0, ax) * smoothstep(0.0, 0.2, z)
    band = ring(x, tilted * p.collar_flat, z + 0.20, p.collar_radius, p.collar_thickness)
    return smooth_minimum(d, band + lapel, 0.05)


@described
def glasses_lens(x: Value, y: Value, p: Parameters) -> Value:
    """Negative inside a lens's outline, 0 on the rim."""
    gx = absolute(x)
    gy = absolute(y)
    x2 = gx * gx
    y2 = gy * gy * 1.18
    circle = sqrt(x2 + y2)
    box = sqrt(sqrt(x2 * x2 * 0.72 + y2 * y2 * 2.3))
    return mix(circle, box, p.lens_square) - p.lens_radius


@described
def glasses_distance(x0: Value, y0: Value, z: Value, p: Parameters) -> Value:
    """Rims, bridge and temples; sunglasses have solid lenses too."""
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    ax = mirrored(x)
    ex = ax - p.eye_x
    rim = glasses_lens(ex, y + 0.02, p)
    gz = z - 0.81 + 0.33 * ax * ax
    d = sqrt(rim * rim + gz * gz) - p.rim_thickness
    hinge = p.eye_x + p.lens_radius
    temple = capsule(ax - hinge, y - 0.03, z - 0.70, 0.72 - hinge, 0.03, -0.75, 0.024)
    bridge = capsule(ax, y - 0.03, z - 0.83, p.eye_x - p.lens_radius, 0.0, -0.02, 0.02)
    d = minimum(d, minimum(temple, bridge))
    dark = maximum(rim, absolute(gz) - 0.014)
    return where(p.dark_lens > 0.5, minimum(d, dark), d)


@described
def earring_distance(x0: Value, y0: Value, z: Value, p: Parameters) -> Value:
    """A stud on each lobe with a hoop or a drop hanging from it."""
    ax = mirrored(face_x(x0, y0, p))
    y = face_y(y0, p)
    ex = ax - 0.765
    ey = y + 0.06 + p.ear_size
    ez = z - p.earring_z
    stud = sqrt(ex * ex + ey * ey + ez * ez) - 0.045
    hoop = ring(ez, ex - 0.015, ey + p.earring_drop, p.earring_drop, 0.024)
    drop = ellipsoid(ex, ey + 0.13, ez, 20.0, 9.5, 20.0)
    return minimum(stud, mix(hoop, drop, p.earring_is_drop))
