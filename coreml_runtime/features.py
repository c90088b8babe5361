"""The inputs and outputs a model declares, and the way from numpy and PIL to tensors and back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from ._proto import FeatureTypes_pb2
from .errors import InputError, PackageError, UnsupportedModelError

_ARRAY = FeatureTypes_pb2.ArrayFeatureType
_IMAGE = FeatureTypes_pb2.ImageFeatureType
_DTYPES = {
    _ARRAY.FLOAT32: "float32",
    _ARRAY.DOUBLE: "float64",
    _ARRAY.INT32: "int32",
    _ARRAY.FLOAT16: "float16",
    _ARRAY.INT8: "int8",
}
_COLORS = {
    _IMAGE.GRAYSCALE: "grayscale",
    _IMAGE.RGB: "rgb",
    _IMAGE.BGR: "bgr",
    _IMAGE.GRAYSCALE_FLOAT16: "grayscale_fp16",
}
_PIL_MODES = {"grayscale": "L", "rgb": "RGB", "bgr": "RGB", "grayscale_fp16": "F"}

_MAX_ELEMENTS = 1 << 33

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One input or output.

    ``kind`` is ``tensor``, ``image`` or another of Core ML's (``dictionary``, ``string``, …).
    ``shape`` is the default one, (1, channels, height, width) for an image; empty if undeclared.
    ``default`` fills an optional input that is not given.
    ``shapes`` lists the allowed ones (None: any), ``ranges`` gives (least, most) for each axis,
    most = -1 without bound. ``dtype`` is numpy's name; an image's values are in [0, 255].
    """

    name: str
    kind: str
    description: str = ""
    optional: bool = False
    dtype: str = "float32"
    shape: Shape = ()
    shapes: tuple[Shape, ...] | None = None
    ranges: tuple[tuple[int, int], ...] | None = None
    color: str | None = None
    default: float | None = None

    def allows(self, shape: Shape) -> bool:
        """Whether a value of this shape may be given."""
        if self.ranges is not None:
            return len(shape) == len(self.ranges) and all(
                low <= size and (size <= high or high < 0)
                for size, (low, high) in zip(shape, self.ranges, strict=True)
            )
        return self.shapes is None or shape in self.shapes

    def expected(self) -> str:
        """The allowed values in words, for error messages."""
        if self.ranges is not None:
            sizes = ", ".join(
                str(low) if low == high else f"{low}..{'' if high < 0 else high}"
                for low, high in self.ranges
            )
            shapes = f"({sizes})"
        elif self.shapes is None:
            shapes = "any shape"
        else:
            shapes = " or ".join(str(shape) for shape in self.shapes)
        what = f"{self.color} image" if self.kind == "image" else self.dtype
        return f"{what} of {shapes}" if shapes == "any shape" else f"{what} of shape {shapes}"


def read_features(descriptions: Any) -> tuple[Feature, ...]:
    """``FeatureDescription`` messages as features."""
    return tuple(_read_feature(message) for message in descriptions)


def _read_feature(message: Any) -> Feature:
    kind = message.type.WhichOneof("Type")
    if kind is None:
        raise PackageError(f"feature {message.name!r} has no type")
    common = {
        "name": message.name,
        "description": message.shortDescription,
        "optional": bool(message.type.isOptional),
    }
    if kind == "multiArrayType":
        return Feature(kind="tensor", **common, **_read_array(message.type.multiArrayType))
    if kind == "imageType":
        return Feature(kind="image", **common, **_read_image(message.type.imageType))
    if kind == "stateType":
        return Feature(kind="state", **common, **_read_array(message.type.stateType.arrayType))
    if kind == "doubleType":
        return Feature(kind="tensor", dtype="float64", shapes=((), (1,)), **common)
    dtype = {"int64Type": "int64"}.get(kind, "object")
    return Feature(kind=kind.removesuffix("Type"), dtype=dtype, **common)


def _ranges(sizes: Any) -> tuple[tuple[int, int], ...]:
    return tuple((int(size.lowerBound), int(size.upperBound)) for size in sizes)


def _bounded(shape: Shape) -> Shape:
    if any(size < 0 for size in shape) or math.prod(shape) > _MAX_ELEMENTS:
        raise PackageError(f"a feature of shape {shape} is larger than any device holds")
    return shape


def _read_array(message: Any) -> dict[str, Any]:
    if message.dataType not in _DTYPES:
        raise UnsupportedModelError(f"multi-arrays of type number {message.dataType}")
    shape = _bounded(tuple(int(size) for size in message.shape))
    found: dict[str, Any] = {"dtype": _DTYPES[message.dataType], "shape": shape}
    flexible = message.WhichOneof("ShapeFlexibility")
    if flexible == "shapeRange":
        found["ranges"] = _ranges(message.shapeRange.sizeRanges)
    elif flexible == "enumeratedShapes":
        found["shapes"] = tuple(tuple(s.shape) for s in message.enumeratedShapes.shapes)
    elif shape:
        found["shapes"] = (shape,)
    default = message.WhichOneof("defaultOptionalValue")
    if default is not None:
        found["default"] = getattr(message, default)
    return found


def _read_image(message: Any) -> dict[str, Any]:
    color = _COLORS.get(message.colorSpace)
    if color is None:
        raise UnsupportedModelError(f"images of colour space number {message.colorSpace}")
    channels = 3 if color in ("rgb", "bgr") else 1
    shape = _bounded((1, channels, int(message.height), int(message.width)))
    found: dict[str, Any] = {"color": color, "shape": shape}
    flexible = message.WhichOneof("SizeFlexibility")
    if flexible == "imageSizeRange":
        sizes = (message.imageSizeRange.heightRange, message.imageSizeRange.widthRange)
        found["ranges"] = ((1, 1), (channels, channels), *_ranges(sizes))
    elif flexible == "enumeratedSizes":
        sizes = message.enumeratedSizes.sizes
        found["shapes"] = tuple((1, channels, int(s.height), int(s.width)) for s in sizes)
    else:
        found["shapes"] = (shape,)
    return found


def check_names(features: tuple[Feature, ...], given: Mapping[str, object]) -> None:
    """Every required input is there and nothing else is."""
    known = {feature.name for feature in features}
    missing = [f.name for f in features if f.name not in given and not f.optional]
    unknown = [name for name in given if name not in known]
    if missing or unknown:
        wants = ", ".join(f"{feature.name} ({feature.expected()})" for feature in features)
        problem = [f"missing: {', '.join(missing)}"] if missing else []
        problem += [f"unknown: {', '.join(map(str, unknown))}"] if unknown else []
        raise InputError(f"wrong inputs, {'; '.join(problem)}; the model takes {wants}")


def check_tensor(feature: Feature, tensor: torch.Tensor) -> None:
    """Shape and kind of element fit; integers are not made of floats by stealth."""
    shape = tuple(tensor.shape)
    integers = feature.kind == "tensor" and np.dtype(feature.dtype).kind in "iu"
    if not feature.allows(shape) or (integers and tensor.is_floating_point()):
        raise InputError(
            f"input {feature.name!r} expects {feature.expected()}, "
            f"got {str(tensor.dtype).removeprefix('torch.')} of shape {shape}"
        )


def to_tensor(feature: Feature, value: object) -> torch.Tensor:
    """What a user gives for ``feature`` as a tensor, unchecked.

    A PIL image becomes (1, channels, height, width) with values in [0, 255] as stored.
    """
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, Image.Image):
        return _image_tensor(feature, value)
    if feature.kind == "image":
        raise InputError(f"input {feature.name!r} expects a PIL image, got {type(value).__name__}")
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise InputError(f"input {feature.name!r} expects {feature.expected()}, got {array.dtype}")
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return torch.from_numpy(np.array(native))


def _image_tensor(feature: Feature, image: Image.Image) -> torch.Tensor:
    if feature.kind != "image" or feature.color is None:
        raise InputError(f"input {feature.name!r} expects {feature.expected()}, got an image")
    mode = _PIL_MODES[feature.color]
    if image.mode != mode and not (mode == "RGB" and image.mode == "RGBA"):
        raise InputError(
            f"input {feature.name!r} expects a PIL image of mode {mode}, got {image.mode}"
        )
    pixels = torch.from_numpy(np.array(image.convert(mode), np.float32))
    if pixels.dim() == 2:
        return pixels[None, None]
    planes = pixels.permute(2, 0, 1)[None]
    return planes.flip(1) if feature.color == "bgr" else planes


def to_pixels(feature: Feature, tensor: torch.Tensor) -> torch.Tensor:
    """An image output (…, channels, height, width) as a picture holds it: a byte is
    ``floor(value + 0.5)``, clamped; fp16 greys keep their values.
    """
    if feature.color == "grayscale_fp16":
        return tensor.float()
    return torch.floor(tensor.float() + 0.5).clamp(0, 255).nan_to_num(0)


def from_tensor(feature: Feature, value: Any) -> Any:
    """An output for the user: numpy of the declared type, a PIL image, or what a classifier gives.

    The program's values of an image are in [0, 255].
    """
    if not isinstance(value, torch.Tensor):
        return value
    tensor = value.detach().cpu()
    if feature.kind == "int64":
        return int(tensor)
    if feature.kind != "image":
        array = tensor.numpy().astype(feature.dtype)
        return array if array.flags.owndata else array.copy()
    pixels = to_pixels(feature, tensor.reshape(tensor.shape[-3:]))
    if feature.color == "grayscale_fp16":
        return Image.fromarray(pixels[0].numpy())
    pixels = pixels.to(torch.uint8)
    if feature.color == "grayscale":
        return Image.fromarray(pixels[0].numpy())
    if feature.color == "bgr":
        pixels = pixels.flip(0)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
