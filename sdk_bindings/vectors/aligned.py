"""Crops of faces that are aligned by five landmarks, as face networks take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sdk_bindings.vectors import prepared

TEMPLATE = (
    *((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366)),
    *((41.5493, 92.3655), (70.7299, 92.2041)),
)
"""Where eyes, nose and corners of the mouth lie in a crop of 112×112 pixels, from the centre of its
first pixel (ArcFace, arXiv 1801.07698)."""
SIDE = 112

CASES = {
    "large": (
        "landscape",
        24,
        ((120.0, 80.5), (180.0, 86.0), (149.0, 120.0), (122.5, 150.0), (172.0, 154.0)),
    ),
    "small": (
        "portrait",
        32,
        ((60.0, 100.0), (70.5, 97.0), (66.0, 106.0), (63.0, 112.0), (72.0, 110.0)),
    ),
    "turned": (
        "orientation-6",
        16,
        ((12.0, 20.0), (30.0, 18.0), (20.0, 30.0), (14.0, 41.0), (29.0, 40.0)),
    ),
    "outside": (
        "portrait",
        16,
        ((2.0, 10.0), (60.0, 14.0), (30.0, 40.0), (6.0, 70.0), (52.0, 72.0)),
    ),
}
"""For each case a picture, the size of the crop, and the landmarks in the upright picture, in
pixels from its upper left corner."""


def aligned_cases(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The crops (3,size,size) of pictures in `folder` by case, and the cases as JSON values."""
    crops, cases = {}, []
    for name, (picture, size, landmarks) in CASES.items():
        file = f"{prepared.FOLDER}/{picture}.png"
        with Image.open(folder / f"{picture}.png") as image:
            pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        crops[name] = aligned(pixels, landmarks, size)
        cases.append({"name": name, "file": file, "size": size, "landmarks": landmarks})
    return crops, {"cases": cases}


def aligned(
    pixels: NDArray[np.uint8], landmarks: tuple[tuple[float, float], ...], size: int
) -> NDArray[np.float32]:
    """The crop (3,size,size) in [0,1].

    The similarity that takes the landmarks to the template with the least squares (Umeyama, IEEE
    PAMI 13, 1991) is a·p + t in complex numbers. A pixel of the crop is the mean of n×n points in
    it, where n is the number of the picture's pixels along its side, rounded up; each of them is
    interpolated bilinearly, and black outside of the picture.
    """
    given = np.array([complex(*point) for point in landmarks])
    wanted = (np.array([complex(*point) for point in TEMPLATE]) + 0.5 + 0.5j) * size / SIDE
    ours, theirs = given - given.mean(), wanted - wanted.mean()
    a = (ours.conj() * theirs).sum() / (abs(ours) ** 2).sum()
    t = wanted.mean() - a * given.mean()
    count = int(np.ceil(1 / abs(a)))
    inner = (np.arange(size * count) + 0.5) / count
    points = (inner[None, :] + 1j * inner[:, None] - t) / a
    sampled = _bilinear(pixels.astype(np.float64), points.real - 0.5, points.imag - 0.5)
    crop = sampled.reshape(size, count, size, count, 3).mean(axis=(1, 3)) / 255
    return np.ascontiguousarray(crop.transpose(2, 0, 1), np.float32)


def _bilinear(
    pixels: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)))
    height, width = pixels.shape[:2]
    x, y = np.clip(x, -1, width) + 1, np.clip(y, -1, height) + 1
    left, top = np.minimum(x.astype(int), width), np.minimum(y.astype(int), height)
    right, down = (x - left)[..., None], (y - top)[..., None]
    above = padded[top, left] * (1 - right) + padded[top, left + 1] * right
    below = padded[top + 1, left] * (1 - right) + padded[top + 1, left + 1] * right
    return above * (1 - down) + below * down
