"""Scales of activations: what they clip, and layers that are not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import components
from quantization.activations import MagnitudeHistogram, calibrate
from quantization.recipe import Recipe
from quantization.schemes import INT8
from tests.components.tiny import save_tiny_avatar


def test_the_scale_clips_what_is_too_rare_to_pay_for() -> None:
    rng = np.random.default_rng(0)
    histogram = MagnitudeHistogram()
    for _ in range(4):
        histogram.add(rng.standard_normal(5000).astype(np.float32))
    plain = histogram.scale()
    assert 0.3 * histogram.largest < 127 * plain <= histogram.largest * 1.001
    assert histogram.counts.sum() == 20000
    histogram.add(np.array([8.0], np.float32))
    assert 127 * histogram.scale() < 8 and histogram.counts.sum() == 20001
    empty = MagnitudeHistogram()
    empty.add(np.zeros(3, np.float32))
    assert empty.scale() == 1.0


def test_calibration_needs_layers_that_are_there(tmp_path: Path) -> None:
    pipeline = components.load(save_tiny_avatar(tmp_path / "tiny"))
    loaded = {name: pipeline.component(name) for name in pipeline.names}
    recipe = Recipe(pipeline="AvatarPipeline", activations={"decoder.nothing": INT8})
    with pytest.raises(ValueError, match=r"no layer decoder\.nothing"):
        calibrate(pipeline, loaded, recipe)
