"""Converts the values of inputs and outputs: numpy arrays and PIL images to tensors and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..errors import InputError
from ..package import Feature

_PIL_MODES = {"grayscale": "L", "rgb": "RGB", "bgr": "RGB", "grayscale_fp16": "F"}


def check_names(features: tuple[Feature, ...], values: Mapping[str, object]) -> None:
    """Check that ``values`` has every required input and no other names.

    Raises:
        InputError: It does not; the message names the inputs of the model.
    """
    known = {feature.name for feature in features}
    missing = [f.name for f in features if f.name not in values and not f.optional]
    unknown = [name for name in values if name not in known]
    if missing or unknown:
        wants = ", ".join(f"{feature.name} ({feature.expected()})" for feature in features)
        problem = [f"missing: {', '.join(missing)}"] if missing else []
        problem += [f"unknown: {', '.join(map(str, unknown))}"] if unknown else []
        raise InputError(f"wrong inputs, {'; '.join(problem)}; the model takes {wants}")


def check_tensor(feature: Feature, tensor: torch.Tensor) -> None:
    """Check the shape of an input, and that integers are not given as floats.

    Raises:
        InputError: The tensor does not fit; the message says what was expected.
    """
    shape = tuple(tensor.shape)
    integers = feature.kind == "tensor" and np.dtype(feature.dtype).kind in "iu"
    if not feature.allows(shape) or (integers and tensor.is_floating_point()):
        raise InputError(
            f"input {feature.name!r} expects {feature.expected()}, "
            f"got {str(tensor.dtype).removeprefix('torch.')} of shape {shape}"
        )


def to_tensor(feature: Feature, value: object) -> torch.Tensor:
    """Convert the value of an input to a tensor, without checking its shape.

    A PIL image becomes (1, channels, height, width), float32 in [0, 255], with its channels in the
    order that the feature declares.

    Raises:
        InputError: The value is of a kind that the feature does not take.
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
    """Round an image (..., channels, height, width) in [0, 255] to the values that a picture holds.

    A byte is ``floor(value + 0.5)``, clamped; the values of a ``grayscale_fp16`` image stay.
    Returns float32.
    """
    if feature.color == "grayscale_fp16":
        return tensor.float()
    return torch.floor(tensor.float() + 0.5).clamp(0, 255).nan_to_num(0)


def from_tensor(feature: Feature, value: Any) -> Any:
    """Convert an output for the user.

    A tensor becomes a numpy array of the declared type, an image (1, channels, height, width) in
    [0, 255] becomes a PIL image, and an integer label becomes an int. The string label and the
    dictionary of a classifier are returned as they are.
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
