"""From a seed to what changes between one person's selfies: pose, expression, light, clothes."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ._color import linear_from_srgb
from ._person import Numbers, _color

_METALS = ((0.85, 0.55, 0.14), (0.62, 0.63, 0.66), (0.12, 0.12, 0.13), (0.85, 0.45, 0.40))


def random_color(rng: Generator) -> NDArray[np.float32]:
    """A colour of cloth or wall, linear: any hue, often muted, sometimes black or white."""
    hue = rng.uniform(0.0, 1.0)
    saturation = rng.uniform(0.05, 0.85) ** 1.3
    value = rng.uniform(0.10, 0.95)
    offsets = np.array([0.0, 1 / 3, 2 / 3])
    rgb = 0.5 + 0.5 * np.cos(2 * np.pi * (hue + offsets))
    return linear_from_srgb(value * (1.0 - saturation + saturation * rgb))


def rotation(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Camera axes (columns: right, up, back) in the head's space; angles in radians."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def _camera(rng: Generator, top: float) -> tuple[Numbers, NDArray[np.float64]]:
    """Where the phone is held: mostly near the front, one in four anywhere within 55 degrees."""
    yaw = rng.uniform(-0.95, 0.95) if rng.random() < 0.25 else rng.normal(0.0, 0.20)
    pitch = float(np.clip(rng.normal(0.02, 0.14), -0.40, 0.45))
    roll = float(np.clip(rng.normal(0.0, 0.10), -0.35, 0.35))
    axes = rotation(float(yaw), pitch, roll)
    distance = rng.uniform(3.4, 6.5)
    extent = rng.uniform(1.28, 1.75) * (0.72 + 0.2 * top)
    target = np.array([rng.normal(0, 0.06), -0.30 + 0.42 * (top - 1.05) + rng.normal(0, 0.08), 0.0])
    if rng.random() < 0.08:  # badly framed: part of the head is cut off
        target[:2] += rng.uniform(-0.5, 0.5, 2)
    at = axes @ np.array([0.0, 0.0, distance]) + target
    numbers = {f"r{i}{j}": float(axes[i, j]) for i in range(3) for j in range(3)}
    numbers.update(eye_at_x=float(at[0]), eye_at_y=float(at[1]), eye_at_z=float(at[2]))
    numbers["focal"] = float(distance / extent)
    return numbers, axes


def _light(rng: Generator, axes: NDArray[np.float64]) -> Numbers:
    """A key light on the camera's side, and the sky; their sum exposes a lit face about right."""
    around, above = rng.uniform(-1.1, 1.1), rng.uniform(0.05, 0.9)
    toward = np.array(
        [np.sin(around) * np.cos(above), np.sin(above), np.cos(around) * np.cos(above)]
    )
    key = axes @ toward
    strength, warm = rng.uniform(0.45, 0.85), rng.uniform(-0.06, 0.12)
    sky, cool = rng.uniform(0.40, 0.62), rng.uniform(-0.08, 0.08)
    # Cameras expose by the light there is: a surface that faces the phone gets about 1 in all.
    exposure = rng.uniform(0.77, 0.92) / (strength * max(0.45, 0.85 * toward[2]) + 0.72 * sky)
    strength, sky = strength * exposure, sky * exposure
    up = axes @ np.array([0.0, 1.0, 0.0])
    return {
        "key_x": float(key[0]), "key_y": float(key[1]), "key_z": float(key[2]),
        **_color("key", strength * np.array([1 + warm, 1.0, 1 - 1.3 * warm])),
        **_color("sky", sky * np.array([1 - cool, 1.0, 1 + cool])),
        "up_x": float(up[0]), "up_y": float(up[1]), "up_z": float(up[2]),
    }  # fmt: skip


def _lids(half: float, rise: float, opening: float) -> Numbers:
    """The two circular arcs that bound an eye opening of this half width."""
    upper, lower = 0.070 * rise * opening, 0.050 * min(opening + 0.2, 1.0)
    radius = (half * half + upper * upper) / (2 * upper)
    low_radius = (half * half + lower * lower) / (2 * lower)
    return {
        "upper_lid_radius": radius, "upper_lid_y": upper - radius,
        "lower_lid_radius": low_radius, "lower_lid_y": low_radius - lower,
    }  # fmt: skip


def _expression(rng: Generator, person: Numbers) -> Numbers:
    """Smile, open mouth, gaze, lids; the shape parameters that expressions change, changed."""
    smile = rng.uniform(-0.3, 1.7)
    mouth_open = rng.uniform(0.25, 1.0) if rng.random() < 0.35 else 0.0
    blink = 0.25 if rng.random() < 0.03 else 1.0
    opening = rng.uniform(0.78, 1.12) * blink * (1.0 - 0.06 * max(smile, 0.0))
    opening *= 1.0 - 0.15 * person["age"]
    return {
        **_lids(person["lid_half"], person["lid_rise"], opening),
        "smile": smile, "mouth_open": mouth_open,
        "gaze_x": rng.normal(0.0, 0.13), "gaze_y": rng.normal(0.02, 0.06),
        "mouth_width": person["mouth_width"] * (1.0 + 0.10 * max(smile, 0.0)),
        "brow_y": person["brow_y"] + rng.normal(0.0, 0.012) + 0.02 * mouth_open,
    }  # fmt: skip


_NO_COLLAR: Numbers = {
    "neck_depth": 0.0, "neck_open": 0.40, "v_neck": 0.0, "straps": 0.0, "collar_y": 1.12,
    "collar_flat": 1.0, "collar_radius": 0.44, "collar_thickness": -9.0, "collar_gap": 0.0,
    "collar_second": 0.0, "hem": 1.0, "placket": 0.0, "knit_depth": 0.0,
}  # fmt: skip

_GARMENTS: tuple[Numbers, ...] = (
    {"neck_depth": 0.06},  # crew neck
    {"neck_depth": 0.32, "v_neck": 1.0},
    {"neck_depth": 0.22, "neck_open": 0.55},  # scoop neck
    {  # shirt with a collar
        "neck_depth": 0.26, "v_neck": 1.0, "neck_open": 0.26, "collar_thickness": 0.050,
        "collar_flat": 0.55, "collar_gap": 0.30, "placket": 1.0, "hem": 0.0,
    },
    {  # roll neck
        "collar_thickness": 0.10, "collar_radius": 0.36, "collar_flat": 0.5, "collar_y": 1.02,
        "knit_depth": 0.006,
    },
    {  # hoodie
        "neck_depth": 0.10, "collar_thickness": 0.13, "collar_radius": 0.52, "collar_y": 1.18,
        "collar_gap": 0.05, "knit_depth": 0.004,
    },
    {"neck_depth": 0.24, "straps": 1.0, "neck_open": 0.45},  # tank top
)  # fmt: skip


def _clothes(rng: Generator) -> Numbers:
    """A garment and its colours, drawn anew for every selfie: they tell nothing of the person."""
    numbers = dict(_NO_COLLAR)
    numbers.update(_GARMENTS[rng.integers(len(_GARMENTS))])
    numbers["neck_depth"] *= rng.uniform(0.8, 1.2)
    pattern = rng.choice(["plain", "plain", "stripes", "checks", "bars", "blocks"])
    for name in ("stripes", "checks", "bars", "blocks"):
        numbers[f"pattern_{name}"] = float(pattern == name)
    numbers["pattern_scale"] = rng.uniform(2.2, 5.0)
    numbers["collar_second"] = float(rng.random() < 0.25)
    numbers["scarf_pattern"] = float(rng.random() < 0.25)
    for name in ("cloth", "trim", "scarf"):
        numbers.update(_color(name, random_color(rng)))
    return numbers


def _accessories(rng: Generator) -> Numbers:
    dark = np.array([0.01, 0.01, 0.012])
    frame = dark if rng.random() < 0.6 else random_color(rng) * 0.5
    return {
        **_color("frame", frame), **_color("metal", np.array(_METALS[rng.integers(3)])),
        "rim_thickness": rng.uniform(0.016, 0.026), "earring_drop": rng.uniform(0.08, 0.12),
        "earring_is_drop": float(rng.random() < 0.4), "earring_z": 0.0,
    }  # fmt: skip


def scene_numbers(person: Numbers, rng: Generator) -> Numbers:
    """All parameters of one selfie of this person."""
    numbers = dict(person)
    camera, axes = _camera(rng, numbers.pop("top"))
    numbers.update(camera)
    numbers.update(_light(rng, axes))
    numbers.update(_expression(rng, person))
    for name in ("lid_half", "lid_rise"):
        del numbers[name]
    numbers.update(_clothes(rng))
    numbers.update(_accessories(rng))
    if rng.random() < 0.5:  # hair is parted, and falls, on either side
        for name in ("parting_x", "fringe_x", "side_volume", "knot_x"):
            numbers[name] = -numbers[name]
    numbers["step_scale"] = 0.72 if numbers["curled"] > 0.5 else 0.85
    return numbers
