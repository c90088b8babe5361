"""Tests defaults, images and other kinds of values of inputs and outputs."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from coreml_runtime.errors import InputError, PackageError
from coreml_runtime.models import CoreMLModel
from coreml_runtime.models.feature_values import check_tensor, from_tensor, to_tensor
from coreml_runtime.package import read_features
from coreml_runtime.package.protobuf_messages import FeatureTypes_pb2, Model_pb2

ARRAY = FeatureTypes_pb2.ArrayFeatureType
IMAGE = FeatureTypes_pb2.ImageFeatureType


def _description(name: str = "x") -> Any:
    return Model_pb2.FeatureDescription(name=name)


class Echo(CoreMLModel):
    """A model that returns its inputs."""

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def run(self, tensors: Any, state: Any) -> Any:
        return dict(tensors)


def test_optional_inputs_have_their_default() -> None:
    needed, optional = _description("needed"), _description("optional")
    for description in (needed, optional):
        description.type.multiArrayType.dataType = ARRAY.FLOAT32
        description.type.multiArrayType.shape.extend([2, 3])
    optional.type.isOptional = True
    optional.type.multiArrayType.floatDefaultValue = 0.5
    features = read_features([needed, optional])
    model = Echo(inputs=features, outputs=features, precision="storage")
    result = model.predict({"needed": np.ones((2, 3))})
    assert result["optional"].tolist() == [[0.5] * 3] * 2
    given = model.predict({"needed": np.ones((2, 3)), "optional": np.zeros((2, 3))})
    assert not given["optional"].any()
    with pytest.raises(InputError, match="missing: needed"):
        model.predict({})


def _image(color: int) -> Any:
    description = _description()
    image = description.type.imageType
    image.colorSpace, image.height, image.width = color, 4, 6
    return read_features([description])[0]


@pytest.mark.parametrize(
    ("color", "mode"),
    [
        (IMAGE.RGB, "RGB"),
        (IMAGE.BGR, "RGB"),
        (IMAGE.GRAYSCALE, "L"),
        (IMAGE.GRAYSCALE_FLOAT16, "F"),
    ],
)
def test_images_survive_a_round_trip(color: int, mode: str) -> None:
    feature = _image(color)
    generator = np.random.default_rng(0)
    if mode == "F":
        pixels = generator.random((4, 6)).astype(np.float16).astype(np.float32)
    else:
        pixels = generator.integers(0, 256, (4, 6, 3)[: 3 if mode == "RGB" else 2], np.uint8)
    tensor = to_tensor(feature, Image.fromarray(pixels))
    assert tensor.shape == feature.shape
    check_tensor(feature, tensor)
    picture = from_tensor(feature, tensor)
    assert picture.mode == mode and np.array_equal(np.asarray(picture), pixels)


def test_flexible_images() -> None:
    description = _description()
    image = description.type.imageType
    image.colorSpace, image.height, image.width = IMAGE.RGB, 4, 6
    sizes = image.imageSizeRange
    sizes.heightRange.lowerBound, sizes.heightRange.upperBound = 2, 8
    sizes.widthRange.lowerBound, sizes.widthRange.upperBound = 3, -1
    feature = read_features([description])[0]
    assert feature.allows((1, 3, 8, 300)) and not feature.allows((1, 3, 9, 300))
    with pytest.raises(InputError, match=r"rgb image of shape \(1, 3, 2..8, 3..\)"):
        check_tensor(feature, torch.zeros(1, 3, 1, 3))


def test_impossible_shapes_are_refused() -> None:
    description = _description()
    description.type.multiArrayType.dataType = ARRAY.FLOAT32
    description.type.multiArrayType.shape.extend([1 << 30, 1 << 30])
    with pytest.raises(PackageError, match="larger than any device holds"):
        read_features([description])


def test_numbers_and_labels() -> None:
    number, label = _description("n"), _description("l")
    number.type.doubleType.SetInParent()
    label.type.int64Type.SetInParent()
    features = read_features([number, label])
    check_tensor(features[0], to_tensor(features[0], 0.25))
    assert from_tensor(features[1], torch.tensor(7)) == 7
    assert from_tensor(features[1], "dog") == "dog"
