"""From the rendered head to a photo: background, things in the way, lens, sensor, colour.

Pictures are (side, side, 3) float32 in linear light until `develop`.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ._color import linear_from_hex, srgb_from_linear
from ._scene import random_color

Picture = NDArray[np.float32]

_COARSE = 32


def _blur_matrix(rows: int, columns: int, sigma: float) -> Picture:
    """(rows, columns): resamples a line and blurs it with a Gaussian; sigma in output pixels."""
    at = (np.arange(rows) + 0.5)[:, None] - (np.arange(columns) + 0.5)[None] * (rows / columns)
    weights = np.exp(-0.5 * (at / sigma) ** 2)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _resample(picture: Picture, side: int, sigma: float) -> Picture:
    matrix = _blur_matrix(side, picture.shape[0], sigma)
    half = np.tensordot(matrix, picture, (1, 0))
    return np.ascontiguousarray(np.tensordot(half, matrix, (1, 1)).transpose(0, 2, 1))


def _gradient(rng: Generator) -> Picture:
    angle = rng.uniform(0, 2 * np.pi)
    v, u = np.mgrid[-1 : 1 : _COARSE * 1j, -1 : 1 : _COARSE * 1j]
    t = np.clip(0.5 + 0.5 * (u * np.cos(angle) + v * np.sin(angle)), 0, 1)[..., None]
    a = random_color(rng)
    b = a * rng.uniform(0.4, 1.0) + random_color(rng) * 0.3
    return (a + (b - a) * t).astype(np.float32)


def _boxes(rng: Generator, picture: Picture, count: int, gain: float) -> None:
    for _ in range(count):
        top, left = rng.integers(-6, _COARSE, 2)
        tall, wide = rng.integers(3, 18, 2)
        box = picture[max(top, 0) : top + tall, max(left, 0) : left + wide]
        box[:] = random_color(rng) * gain


def _room(rng: Generator) -> Picture:
    """A wall with furniture, perhaps a bright window and a floor line."""
    picture = _gradient(rng)
    _boxes(rng, picture, int(rng.integers(2, 8)), 0.8)
    if rng.random() < 0.5:
        left = int(rng.integers(-3, _COARSE - 5))
        wide, tall = int(rng.integers(7, 14)), int(rng.integers(10, 22))
        top = int(rng.integers(0, 8))
        x0 = max(left, 0)
        picture[top : top + tall, x0 : left + wide] = rng.uniform(0.8, 1.5) * np.array(
            [0.92, 0.97, 1.0], np.float32
        )
        picture[top : top + tall, x0 + wide // 2 : x0 + wide // 2 + 1] = random_color(rng)
    return picture


def _outdoors(rng: Generator) -> Picture:
    """Sky, something green or built, ground, and patches of light."""
    picture = np.empty((_COARSE, _COARSE, 3), np.float32)
    horizon = int(rng.integers(8, 26))
    sky = np.array([0.45, 0.62, 0.95], np.float32) * rng.uniform(0.5, 1.2)
    picture[:horizon] = sky + (0.9 - sky) * rng.uniform(0, 0.6)
    picture[horizon:] = random_color(rng) * 0.6
    _boxes(rng, picture, int(rng.integers(0, 4)), 0.7)
    v, u = np.mgrid[0:_COARSE, 0:_COARSE]
    for _ in range(int(rng.integers(4, 16))):
        cx, cy, r = rng.uniform(0, _COARSE), rng.uniform(horizon - 6, _COARSE), rng.uniform(1.5, 6)
        green = np.array([0.10, 0.28, 0.06]) * rng.uniform(0.4, 2.0, 3)
        picture[(u - cx) ** 2 + (v - cy) ** 2 < r * r] = green
    return picture


def _lights(rng: Generator) -> Picture:
    """A dark place with lamps out of focus."""
    picture = _gradient(rng) * 0.25
    v, u = np.mgrid[0:_COARSE, 0:_COARSE]
    for _ in range(int(rng.integers(5, 18))):
        cx, cy, r = rng.uniform(0, _COARSE), rng.uniform(0, _COARSE), rng.uniform(1.2, 3.0)
        lamp = random_color(rng) * 0.6 + np.array([0.4, 0.3, 0.2])
        picture[(u - cx) ** 2 + (v - cy) ** 2 < r * r] += lamp * rng.uniform(0.3, 1.0)
    return picture.astype(np.float32)


def background(rng: Generator, side: int) -> Picture:
    """A place, more or less out of focus."""
    kind = rng.choice(4, p=[0.15, 0.45, 0.25, 0.15])
    picture = (_gradient, _room, _outdoors, _lights)[kind](rng)
    return _resample(picture, side, rng.uniform(1.6, 6.0) * side / 128)


def occlude(rng: Generator, picture: Picture, skin: Picture) -> None:
    """Puts fingers or the edge of a phone before a part of the picture, in place."""
    side = picture.shape[0]
    v, u = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.cos(angle), np.sin(angle)
    along, across = u * c + v * s, v * c - u * s
    if rng.random() < 0.5:  # fingers reach in from an edge
        reach, shift = rng.uniform(0.55, 0.85), rng.uniform(-0.4, 0.4)
        distance = np.full((side, side), 9.0)
        for finger in range(int(rng.integers(1, 5))):
            ey = across - shift - 0.21 * finger
            ex = np.maximum(reach + 0.05 * abs(finger - 1) - along, 0.0)
            distance = np.minimum(distance, np.hypot(ex, ey) - 0.10)
        color = skin * rng.uniform(0.5, 0.95)
    else:
        corner = rng.uniform(0.45, 0.8)
        distance = np.maximum(corner - along, np.abs(across - rng.uniform(-0.5, 0.5)) - 0.35)
        color = random_color(rng) * rng.uniform(0.1, 0.8)
    cover = np.clip(0.5 - distance * side / 5.0, 0, 1)[..., None]
    picture += ((color * (1.0 + 0.25 * along[..., None]) - picture) * cover).astype(np.float32)


def develop(rng: Generator, picture: Picture) -> Picture:
    """Lens blur, exposure, white balance, sensor noise, sRGB; (3, side, side) in [0, 1]."""
    side = picture.shape[0]
    sigma = rng.uniform(0.8, 1.5) if rng.random() < 0.15 else rng.uniform(0.30, 0.60)
    picture = _resample(picture, side, sigma * side / 128)
    gain = np.exp(rng.normal(0.0, 0.10)) * np.exp(rng.normal(0.0, 0.035, 3))
    picture = picture * gain.astype(np.float32)
    # A film-like shoulder: highlights fold into [0.8, 1] instead of clipping.
    over = np.maximum(picture - 0.7, 0.0)
    picture = np.minimum(picture, 0.7) + 0.3 * over / (over + 0.3)
    read, shot = rng.uniform(0.0005, 0.006), rng.uniform(0.0, 0.02)
    noise = rng.standard_normal(picture.shape, np.float32)
    picture = picture + noise * (read + shot * np.sqrt(np.maximum(picture, 0.0)))
    return np.ascontiguousarray(srgb_from_linear(picture).transpose(2, 0, 1))


def photograph(rng: Generator, head: Picture, skin_hex: str) -> Picture:
    """The finished selfie of a rendered head (side, side, 4) linear, premultiplied."""
    picture = head[..., :3] + background(rng, head.shape[0]) * (1.0 - head[..., 3:])
    if rng.random() < 0.10:
        occlude(rng, picture, linear_from_hex(skin_hex))
    return develop(rng, picture)
