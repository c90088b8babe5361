"""The picture in docs/sdk.md shows one avatar that three languages draw alike."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docs.three_languages import PICTURE, SIDE, Pixels, apart, by_python, panels, side_by_side

ENOUGH = 55.0
"""The PSNR in dB that the same selfies, style and seed must reach."""


@pytest.fixture(scope="module")
def page() -> Pixels:
    with Image.open(PICTURE) as picture:
        return np.asarray(picture)


def test_panels_are_what_was_put_side_by_side() -> None:
    chance = np.random.default_rng(0)
    pictures = list(chance.integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8))
    assert all(map(np.array_equal, panels(side_by_side(pictures)), pictures))


def test_the_three_pictures_agree(page: Pixels) -> None:
    pictures = panels(page)
    assert min(apart(one, other) for one, other in combinations(pictures, 2)) >= ENOUGH
    assert min(picture.std() for picture in pictures) > 20


@pytest.mark.slow
def test_python_still_draws_it(page: Pixels, shipped_onnx: Path) -> None:
    assert apart(panels(page)[0], by_python(shipped_onnx)) >= ENOUGH
