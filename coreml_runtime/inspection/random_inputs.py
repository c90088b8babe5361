"""Random inputs, with which any model can be run."""

from typing import Any

import numpy as np
from PIL import Image

from ..package import Feature


def random_inputs(features: tuple[Feature, ...], seed: int) -> dict[str, Any]:
    """Return a value for every input: normal floats, integers in {0, 1}, images of uniform noise.

    The values have the default shapes. The same seed gives the same values.
    """
    generator = np.random.default_rng(seed)
    values: dict[str, Any] = {}
    for feature in features:
        if feature.kind == "image":
            values[feature.name] = _image(feature, generator)
        elif np.dtype(feature.dtype).kind == "f":
            values[feature.name] = generator.standard_normal(feature.shape).astype(feature.dtype)
        else:
            values[feature.name] = generator.integers(0, 2, feature.shape).astype(feature.dtype)
    return values


def _image(feature: Feature, generator: np.random.Generator) -> Image.Image:
    _, channels, height, width = feature.shape
    if feature.color == "grayscale_fp16":
        return Image.fromarray(255 * generator.random((height, width), np.float32))
    shape = (height, width, 3) if channels == 3 else (height, width)
    return Image.fromarray(generator.integers(0, 256, shape, np.uint8))
