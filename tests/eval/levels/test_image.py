from __future__ import annotations

import numpy as np
import pytest

from eval.levels.image import compare


@pytest.mark.parametrize(("byte_images", "alike"), [(True, True), (False, False)])
def test_a_runtime_with_byte_images_is_compared_with_bytes(byte_images: bool, alike: bool) -> None:
    expected = np.random.default_rng(0).random((1, 3, 16, 16)).astype(np.float32)
    got = np.floor(expected * 255 + 0.5) / np.float32(255)
    assert (compare(expected, got, byte_images=byte_images)["psnr"] == np.inf) == alike
