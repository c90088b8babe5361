"""Pictures of a pair side by side: reference, artifact, and eight times their difference."""

from __future__ import annotations

import hashlib
import io

import numpy as np
from PIL import Image

from eval.cases import Cases
from eval.drawing import Model
from eval.levels import image
from eval.results import Comparison
from eval.tally import Tally
from eval.truth import Truth
from support.images import to_pixels

FOLDER = "pictures"
TIMES = 8
"""The difference's factor: one grey level of 255 is just seen."""


def compare(
    tally: Tally, cases: Cases, truth: Truth, model: Model, *, byte_images: bool
) -> tuple[list[Comparison], dict[str, bytes]]:
    """The worst and the typical run of a tally, drawn once more, and their PNG files by path."""
    made: list[Comparison] = []
    files: dict[str, bytes] = {}
    for kind, where in (("worst", tally.worst()), ("typical", tally.median())):
        ask = next(ask for ask in cases.runs if ask.where() == where)
        expected = truth.drawn(ask).avatar
        got = model.draw(ask, truth.latent_shape).avatar
        scope = tally.scope
        name = f"{scope.artifact} {scope.runtime} {scope.against} {kind}"
        three = save(name, expected, got)
        files |= three
        reference, test, difference = three
        made.append(
            Comparison(
                artifact=scope.artifact,
                runtime=scope.runtime,
                against=scope.against,
                kind="worst" if kind == "worst" else "typical",
                where=where,
                metrics=image.compare(expected, got, byte_images=byte_images, slow=True),
                reference=reference,
                test=test,
                difference=difference,
            )
        )
    return made, files


def save(name: str, expected: np.ndarray, got: np.ndarray) -> dict[str, bytes]:
    """Three PNG files, reference, artifact and difference, by their paths in the report's folder.

    Args:
        name: What the pair is, for people; any characters.
        expected: (1,3,H,W) in [0,1].
        got: The same; what is no number is shown black, its difference white.
    """
    stem = "".join(c if c.isalnum() or c in "-." else "-" for c in name).strip("-.").lower()
    stem = f"{stem[-60:]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    test = np.nan_to_num(got, nan=0.0, posinf=1.0, neginf=0.0)
    difference = np.abs(np.nan_to_num(got - expected, nan=1.0, posinf=1.0, neginf=1.0)) * TIMES
    parts = {"reference": expected, "artifact": test, "difference": difference}
    return {f"{FOLDER}/{stem}-{what}.png": _png(picture) for what, picture in parts.items()}


def _png(picture: np.ndarray) -> bytes:
    pixels = to_pixels(picture[0].astype(np.float32).clip(0, 1))
    Image.fromarray(pixels).save(stream := io.BytesIO(), "PNG")
    return stream.getvalue()
