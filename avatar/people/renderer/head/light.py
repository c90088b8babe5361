"""Light on a surface: one key light, a sky, a rim; translucent skin by shifted wrap lighting."""

from __future__ import annotations

from .._compiled import described
from .operations import sqrt
from .parameters import Parameters, Value
from .solids import clamp01, mix


@described
def lit(
    nx: Value,
    ny: Value,
    nz: Value,
    dx: Value,
    dy: Value,
    dz: Value,
    shadow: Value,
    occlusion: Value,
    shine: Value,
    gloss: Value,
    soft: Value,
    p: Parameters,
) -> tuple[Value, Value, Value, Value, Value]:
    """What multiplies the albedo (r, g, b), the highlight and the rim light that are added.

    `shadow` and `occlusion` are 1 in the open; `soft` is how translucent the surface is.
    """
    facing = nx * p.key_x + ny * p.key_y + nz * p.key_z
    red_wrap = 0.10 + 0.28 * soft
    wrap = 0.10 + 0.12 * soft
    red_shadow = mix(shadow, sqrt(shadow), 0.6 * soft)
    red_key = clamp01((facing + red_wrap) / (1.0 + red_wrap)) * red_shadow
    key = clamp01((facing + wrap) / (1.0 + wrap)) * shadow
    sky = 0.5 + 0.5 * (nx * p.up_x + ny * p.up_y + nz * p.up_z)
    toward = clamp01(-(nx * dx + ny * dy + nz * dz))
    fill = (0.30 + 0.45 * sky + 0.25 * toward) * mix(0.30, 1.0, occlusion)
    hx = p.key_x - dx
    hy = p.key_y - dy
    hz = p.key_z - dz
    half = clamp01((nx * hx + ny * hy + nz * hz) / sqrt(hx * hx + hy * hy + hz * hz))
    s = clamp01(1.0 - (1.0 - half) * gloss * 0.4)
    highlight = shine * s * s * s * s * shadow * clamp01(facing * 4.0 + 0.2)
    edge = 1.0 - toward
    rim = edge * edge * edge * 0.16 * occlusion * sky
    return (
        p.key_r * red_key + p.sky_r * fill,
        p.key_g * key + p.sky_g * fill,
        p.key_b * key + p.sky_b * fill,
        highlight,
        rim,
    )
