"""The inputs, outputs and states that a model declares (``FeatureTypes.proto``)."""

import math
from dataclasses import dataclass
from typing import Any

from ..errors import PackageError, UnsupportedModelError
from .protobuf_messages import FeatureTypes_pb2

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
_MAX_ELEMENTS = 1 << 33

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One input, output or state of a model.

    Attributes:
        name: The name by which values are given and returned.
        kind: ``tensor``, ``image``, ``state`` or another kind of Core ML (``dictionary``,
            ``string``, ``int64``, ...).
        description: What the author of the model wrote about it.
        optional: The input may be left out.
        dtype: The numpy name of the element type.
        shape: The default shape, (1, channels, height, width) for an image; () if undeclared.
        shapes: All allowed shapes; None allows any shape.
        ranges: (smallest, largest) size of each axis, -1 for no upper bound; None if the sizes are
            not given as ranges.
        color: ``rgb``, ``bgr``, ``grayscale`` or ``grayscale_fp16`` for an image, whose values are
            in [0, 255].
        default: The value that fills an optional input which is not given.
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
        """Return whether a value of this shape is allowed."""
        if self.ranges is not None:
            return len(shape) == len(self.ranges) and all(
                low <= size and (size <= high or high < 0)
                for size, (low, high) in zip(shape, self.ranges, strict=True)
            )
        return self.shapes is None or shape in self.shapes

    def expected(self) -> str:
        """Describe the allowed values, for messages: ``float32 of shape (1, 4, 32, 32)``."""
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
        element = f"{self.color} image" if self.kind == "image" else self.dtype
        return f"{element} of {shapes}" if shapes == "any shape" else f"{element} of shape {shapes}"


def read_features(descriptions: Any) -> tuple[Feature, ...]:
    """Read ``FeatureDescription`` messages.

    Raises:
        PackageError: A feature has no type, or an impossible shape.
        UnsupportedModelError: It has an element type or a colour space that is not known here.
    """
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


def _read_array(message: Any) -> dict[str, Any]:
    if message.dataType not in _DTYPES:
        raise UnsupportedModelError(f"multi-arrays of type number {message.dataType}")
    shape = _bounded(tuple(int(size) for size in message.shape))
    fields: dict[str, Any] = {"dtype": _DTYPES[message.dataType], "shape": shape}
    flexible = message.WhichOneof("ShapeFlexibility")
    if flexible == "shapeRange":
        fields["ranges"] = _ranges(message.shapeRange.sizeRanges)
    elif flexible == "enumeratedShapes":
        fields["shapes"] = tuple(tuple(s.shape) for s in message.enumeratedShapes.shapes)
    elif shape:
        fields["shapes"] = (shape,)
    default = message.WhichOneof("defaultOptionalValue")
    if default is not None:
        fields["default"] = getattr(message, default)
    return fields


def _read_image(message: Any) -> dict[str, Any]:
    color = _COLORS.get(message.colorSpace)
    if color is None:
        raise UnsupportedModelError(f"images of colour space number {message.colorSpace}")
    channels = 3 if color in ("rgb", "bgr") else 1
    shape = _bounded((1, channels, int(message.height), int(message.width)))
    fields: dict[str, Any] = {"color": color, "shape": shape}
    flexible = message.WhichOneof("SizeFlexibility")
    if flexible == "imageSizeRange":
        sizes = (message.imageSizeRange.heightRange, message.imageSizeRange.widthRange)
        fields["ranges"] = ((1, 1), (channels, channels), *_ranges(sizes))
    elif flexible == "enumeratedSizes":
        sizes = message.enumeratedSizes.sizes
        fields["shapes"] = tuple((1, channels, int(s.height), int(s.width)) for s in sizes)
    else:
        fields["shapes"] = (shape,)
    return fields


def _ranges(sizes: Any) -> tuple[tuple[int, int], ...]:
    return tuple((int(size.lowerBound), int(size.upperBound)) for size in sizes)


def _bounded(shape: Shape) -> Shape:
    if any(size < 0 for size in shape) or math.prod(shape) > _MAX_ELEMENTS:
        raise PackageError(f"a feature of shape {shape} is larger than any device holds")
    return shape
