"""The preview's numbers, found again from pictures that were made with them."""

from __future__ import annotations

import numpy as np
import pytest

from components import Case, Recording
from export.preview import preview_of

MATRIX = np.array([[0.2, -0.1, 0.05], [-0.3, 0.02, 0.1], [0.04, 0.15, -0.2]])
OFFSET = np.array([0.4, 0.5, 0.625])


def test_what_made_a_picture_is_found_again() -> None:
    rng = np.random.default_rng(0)
    latents = rng.standard_normal((1, 3, 6, 5)).astype(np.float32)
    small = np.einsum("chw,cr->rhw", latents[0], MATRIX) + OFFSET[:, None, None]
    # Enlarged, with differences inside of each block that cancel out.
    block = rng.standard_normal((4, 4))
    picture = np.kron(small, np.ones((4, 4))) + np.tile(block - block.mean(), (6, 5))
    case = Case(inputs={"latents": latents}, outputs={"avatar": picture[None].astype(np.float32)})
    recording = Recording(seed=0, run=case, calls={"decoder": (case,)})
    found = preview_of(recording)
    assert np.array(found.matrix) == pytest.approx(MATRIX, abs=1e-5)
    assert np.array(found.offset) == pytest.approx(OFFSET, abs=1e-5)
