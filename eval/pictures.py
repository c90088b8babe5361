"""Pictures of a pair side by side: reference, artifact, and eight times their difference."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from avatar.create import to_8_bit
from components import atomic

FOLDER = "pictures"
TIMES = 8
"""The difference's factor: one grey level of 255 is just seen."""


def save(out: Path, name: str, expected: np.ndarray, got: np.ndarray) -> tuple[str, str, str]:
    """Write three PNG files below `out`; gives their paths relative to it.

    Args:
        out: The report's folder.
        name: What the pair is, for people; any characters.
        expected: (1,3,H,W) in [0,1].
        got: The same; what is no number is shown black, its difference white.
    """
    stem = "".join(c if c.isalnum() or c in "-." else "-" for c in name).strip("-.").lower()
    stem = f"{stem[-60:]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    test = np.nan_to_num(got, nan=0.0, posinf=1.0, neginf=0.0)
    difference = np.abs(np.nan_to_num(got - expected, nan=1.0, posinf=1.0, neginf=1.0)) * TIMES
    parts = {"reference": expected, "artifact": test, "difference": difference}
    return (
        _write(out, f"{stem}-reference", parts["reference"]),
        _write(out, f"{stem}-artifact", parts["artifact"]),
        _write(out, f"{stem}-difference", parts["difference"]),
    )


def _write(out: Path, stem: str, picture: np.ndarray) -> str:
    path = f"{FOLDER}/{stem}.png"
    pixels = to_8_bit(picture[0].astype(np.float32).clip(0, 1))
    Image.fromarray(pixels).save(stream := io.BytesIO(), "PNG")
    atomic.write(out / path, stream.getvalue())
    return path
