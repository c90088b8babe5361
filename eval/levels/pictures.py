"""Pictures side by side: the reference, the artifact, and eight times their difference."""

from __future__ import annotations

import hashlib
import io
from typing import Literal

import numpy as np
from PIL import Image

from eval.cases import Cases
from eval.levels import image
from eval.levels.figures import CaseFigures
from eval.reference import Model, Reference
from eval.schema import Comparison
from support.images import to_pixels

FOLDER = "pictures"
"""The pictures' folder in the report's folder."""
AMPLIFICATION = 8
"""The factor of the difference: one grey level of 255 can just be seen."""


def compare_pictures(
    figures: CaseFigures,
    cases: Cases,
    reference: Reference,
    model: Model,
    *,
    byte_images: bool,
) -> tuple[list[Comparison], dict[str, bytes]]:
    """Draw the worst and the typical run once more, or the only one.

    Args:
        figures: The figures, which have the worst and the typical run.
        cases: Holds the runs.
        reference: What the artifact is compared with.
        model: The artifact.
        byte_images: Whether the artifact's pictures come in steps of 1/255.

    Returns:
        The comparisons, and their PNG files by path.
    """
    made: list[Comparison] = []
    files: dict[str, bytes] = {}
    kinds: tuple[Literal["worst", "typical"], ...] = ("worst", "typical")
    places = dict.fromkeys((figures.worst(), figures.median()))  # one where there is one run
    for kind, where in zip(kinds, places, strict=False):
        run = next(run for run in cases.runs if run.where() == where)
        expected = reference.recorded(run).picture
        got = model.draw(run).picture
        scope = figures.scope
        name = f"{scope.artifact} {scope.runtime} {scope.against} {kind}"
        three = png_files(name, expected, got)
        files |= three
        right, test, difference = three
        made.append(
            Comparison(
                artifact=scope.artifact,
                runtime=scope.runtime,
                against=scope.against,
                kind=kind,
                where=where,
                metrics=image.compare(expected, got, byte_images=byte_images, slow=True),
                reference=right,
                test=test,
                difference=difference,
            )
        )
    return made, files


def png_files(name: str, expected: np.ndarray, got: np.ndarray) -> dict[str, bytes]:
    """Three PNG files, reference, artifact and difference, by their paths in the report's folder.

    Args:
        name: What the pair is, for people; it may hold any characters.
        expected: The reference's picture (B,3,H,W) in [0,1].
        got: The artifact's picture of the same shape. What is no number is shown black, and white
            in the difference.
    """
    stem = "".join(c if c.isalnum() or c in "-." else "-" for c in name).strip("-.").lower()
    stem = f"{stem[-60:]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    test = np.nan_to_num(got, nan=0.0, posinf=1.0, neginf=0.0)
    error = np.nan_to_num(got - expected, nan=1.0, posinf=1.0, neginf=1.0)
    parts = {"reference": expected, "artifact": test, "difference": np.abs(error) * AMPLIFICATION}
    return {f"{FOLDER}/{stem}-{what}.png": _png(picture) for what, picture in parts.items()}


def _png(picture: np.ndarray) -> bytes:
    pixels = to_pixels(picture[0].astype(np.float32).clip(0, 1))
    Image.fromarray(pixels).save(stream := io.BytesIO(), "PNG")
    return stream.getvalue()
