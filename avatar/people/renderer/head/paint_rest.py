"""Colours of hair, headscarf, clothes, glasses and earrings; painters as in `paint_face`."""

from __future__ import annotations

from .._compiled import described
from .face import face_x, face_y, mirrored
from .operations import absolute, sqrt, where
from .parameters import Parameters, Value
from .solids import clamp01, lumps, mix, smoothstep, wave
from .wear import glasses_lens, neckline


@described
def strands(x: Value, y: Value, z: Value, p: Parameters) -> Value:
    """Light and dark streaks along combed hair, in [0, 1]."""
    across = x / (absolute(x) + absolute(z + 0.2) + 0.25) * 5.0 + p.wave_depth * 8.0 * wave(
        y * p.wave_frequency
    )
    coarse = wave(across * 1.3 + 0.3 * wave(y * 0.8 + z * 0.5))
    fine = wave(across * 3.7 + z * 1.2 + 0.4 * wave(y * 1.9))
    return 0.5 + 0.25 * coarse + 0.25 * fine


@described
def paint_hair(
    x0: Value, y0: Value, z: Value, p: Parameters
) -> tuple[Value, Value, Value, Value, Value, Value]:
    """Hair's own colour, streaked where combed and dark in the dips where curled."""
    x = face_x(x0, y0, p)
    y = face_y(y0, p)
    combed = 0.74 + 0.46 * strands(x, y, z, p)
    curled = 0.80 - 0.55 * lumps(x, y, z, p.curl_frequency)
    plaited = 0.72 + 0.34 * absolute(wave(y * 3.3)) + 0.10 * wave(x * 9.0 + z * 9.0 + y * 6.0)
    tone = mix(combed, curled, p.curled)
    tone = mix(tone, plaited, p.plaited)
    part = p.parting_show * smoothstep(0.030, 0.008, absolute(x - p.parting_x))
    part = part * smoothstep(0.35, 0.55, y) * smoothstep(-0.30, -0.10, z)
    rows = p.plaited * smoothstep(0.60, 0.92, wave(x * p.row_frequency + 0.25))
    part = clamp01(part + 0.75 * rows * smoothstep(0.15, 0.40, y))
    return (
        mix(p.hair_r * tone, p.skin_r * 0.75, part),
        mix(p.hair_g * tone, p.skin_g * 0.72, part),
        mix(p.hair_b * tone, p.skin_b * 0.72, part),
        mix(p.hair_shine, 0.03, p.curled),
        12.0,
        0.0,
    )


@described
def paint_scarf(
    x: Value, y: Value, z: Value, p: Parameters
) -> tuple[Value, Value, Value, Value, Value, Value]:
    weave = 1.0 + 0.04 * wave(x * 17.0 + z * 9.0) * wave(y * 17.0)
    stripe = p.scarf_pattern * smoothstep(-0.1, 0.1, wave(y * 3.0 - z * 1.5 + absolute(x)) - 0.3)
    return (
        mix(p.scarf_r, p.trim_r, stripe) * weave,
        mix(p.scarf_g, p.trim_g, stripe) * weave,
        mix(p.scarf_b, p.trim_b, stripe) * weave,
        0.03,
        8.0,
        0.15,
    )


@described
def cloth_pattern(x: Value, y: Value, p: Parameters) -> Value:
    """How much of the second colour shows, in [0, 1]."""
    stripes = smoothstep(-0.08, 0.08, wave(y * p.pattern_scale) - 0.1)
    bars = smoothstep(-0.08, 0.08, wave(x * p.pattern_scale) - 0.1)
    blocks = smoothstep(-1.62, -1.66, y + 0.05 * wave(x))
    a = p.pattern_stripes * stripes + p.pattern_checks * 0.5 * (stripes + bars)
    return clamp01(a + p.pattern_bars * bars + p.pattern_blocks * blocks)


@described
def paint_torso(
    x: Value, y: Value, z: Value, p: Parameters
) -> tuple[Value, Value, Value, Value, Value, Value]:
    """Cloth below the neckline, skin above it."""
    depth = neckline(x, y, z, p)
    cloth = smoothstep(-0.012, 0.012, depth)
    tilted = y + p.collar_y - 0.30 * z
    r = sqrt(x * x + (z + 0.20) * (z + 0.20)) - p.collar_radius
    near = sqrt(r * r + tilted * tilted * p.collar_flat * p.collar_flat)
    collar = smoothstep(p.collar_thickness + 0.06, p.collar_thickness + 0.03, near)
    collar = collar * where(p.collar_thickness > 0.0, 1.0, 0.0)
    cloth = clamp01(cloth + collar)
    hem = smoothstep(0.055, 0.045, depth) * p.hem * (1.0 - collar)
    second = clamp01(cloth_pattern(x, y, p) * (1.0 - collar) + collar * p.collar_second)
    knit = (1.0 + 0.05 * wave(x * 11.0) * wave(y * 11.0)) * (1.0 - 0.35 * hem)
    buttons = p.placket * smoothstep(0.05, 0.03, absolute(x - 0.01)) * (1.0 - collar)
    knit = knit * (1.0 - 0.25 * buttons)
    return (
        mix(p.skin_r, mix(p.cloth_r, p.trim_r, second) * knit, cloth),
        mix(p.skin_g, mix(p.cloth_g, p.trim_g, second) * knit, cloth),
        mix(p.skin_b, mix(p.cloth_b, p.trim_b, second) * knit, cloth),
        mix(0.08, 0.02, cloth),
        12.0,
        1.0 - cloth,
    )


@described
def paint_glasses(
    x0: Value, y0: Value, z: Value, p: Parameters
) -> tuple[Value, Value, Value, Value, Value, Value]:
    """Frames, and the near-black lenses of sunglasses."""
    y = face_y(y0, p)
    ex = mirrored(face_x(x0, y0, p)) - p.eye_x
    inside = smoothstep(0.0, -0.012, glasses_lens(ex, y + 0.02, p) + p.rim_thickness)
    lens = inside * p.dark_lens * smoothstep(0.60, 0.66, z)
    fade = 0.008 + 0.020 * smoothstep(0.10, -0.22, y)
    return (
        mix(p.frame_r, fade, lens),
        mix(p.frame_g, fade * 0.95, lens),
        mix(p.frame_b, fade, lens),
        mix(0.40, 0.16, lens),
        mix(30.0, 24.0, lens),
        0.0,
    )


@described
def paint_earring(
    x: Value, y: Value, z: Value, p: Parameters
) -> tuple[Value, Value, Value, Value, Value, Value]:
    return p.metal_r, p.metal_g, p.metal_b, 0.55, 24.0, 0.0
