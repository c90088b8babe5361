"""Resizing of images along their last two axes, or along those that ``resize`` names.

MIL's section ``image_resizing``.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .registry import IOS16, IOS17, Ints, op


def sampling_grid(mode: str, start: Tensor, end: Tensor, count: int) -> Tensor:
    """Return the coordinates at which ``count`` outputs sample the pixels ``start`` to ``end``.

    ``start`` and ``end`` are (N,), in pixels, and both are included. Returns float64 (N, count).
    The formulas are those of ``resize_bilinear`` (iOS 15 opset), where ``start`` is 0.

    Raises:
        ValueError: The sampling mode is not known.
    """
    output = torch.arange(count, device=start.device, dtype=torch.float64)
    extent = (end - start).double().unsqueeze(1)
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        if count == 1 and mode == "ALIGN_CORNERS":
            offset = output + extent / 2
        else:
            offset = output * (extent / max(count - 1, 1))
    elif mode == "DEFAULT":
        offset = output * ((extent + 1) / count)
    elif mode == "OFFSET_CORNERS":
        offset = (output + 0.5) * (extent.clamp_min(1) / count)
    elif mode == "UNALIGN_CORNERS":
        offset = (output + 0.5) * ((extent + 1) / count) - 0.5
    else:
        raise ValueError(f"unknown sampling mode {mode!r}")
    low, high = extent.clamp_max(0), extent.clamp_min(0)
    return start.unsqueeze(1) + torch.minimum(torch.maximum(offset, low), high)


def _axis_grid(mode: str, old: int, new: int, device: torch.device) -> Tensor:
    """Return where ``new`` outputs sample an axis of ``old`` pixels: (new,), in [0, old - 1]."""
    start = torch.zeros(1, device=device, dtype=torch.float64)
    return sampling_grid(mode, start, start + (old - 1), new).squeeze(0)


def _linear_axis(x: Tensor, axis: int, new: int, mode: str) -> Tensor:
    """Interpolate linearly along one axis."""
    grid = _axis_grid(mode, x.shape[axis], new, x.device)
    low = grid.floor()
    view = [1] * x.dim()
    view[axis] = new
    weight = (grid - low).to(torch.float32).reshape(view)
    first = low.long()
    second = (first + 1).clamp_max(x.shape[axis] - 1)
    return torch.lerp(x.index_select(axis, first), x.index_select(axis, second), weight)


def _nearest_axis(x: Tensor, axis: int, new: int, mode: str) -> Tensor:
    """Take the nearest sample along one axis.

    Of two equally near samples DEFAULT takes the lower, so that doubling a size repeats every
    sample once.
    """
    grid = _axis_grid(mode, x.shape[axis], new, x.device)
    index = (grid - 0.5).ceil() if mode == "DEFAULT" else (grid + 0.5).floor()
    return x.index_select(axis, index.long().clamp_max(x.shape[axis] - 1))


def _images(x: Tensor) -> Tensor:
    """Reshape ``x`` to (N, C, height, width), which ``interpolate`` requires."""
    return x if x.dim() == 4 else x.reshape(1, -1, *x.shape[-2:])


def _bilinear(x: Tensor, height: int, width: int, mode: str) -> Tensor:
    shape = (*x.shape[:-2], height, width)
    if mode == "UNALIGN_CORNERS" or (mode == "STRICT_ALIGN_CORNERS" and min(height, width) > 1):
        align = mode == "STRICT_ALIGN_CORNERS"
        y = F.interpolate(_images(x), (height, width), mode="bilinear", align_corners=align)
        return y.reshape(shape)
    return _linear_axis(_linear_axis(x, x.dim() - 2, height, mode), x.dim() - 1, width, mode)


def _scaled_size(x: Tensor, height: float, width: float) -> tuple[int, int]:
    return math.floor(x.shape[-2] * height), math.floor(x.shape[-1] * width)


@op("upsample_nearest_neighbor", exact=True)
def upsample_nearest_neighbor(
    x: Tensor, scale_factor_height: float = 1, scale_factor_width: float = 1
) -> Tensor:
    return resize_nearest_neighbor(x, *_scaled_size(x, scale_factor_height, scale_factor_width))


@op("resize_nearest_neighbor", exact=True)
def resize_nearest_neighbor(x: Tensor, target_size_height: int, target_size_width: int) -> Tensor:
    size = (target_size_height, target_size_width)
    return F.interpolate(_images(x), size, mode="nearest").reshape(*x.shape[:-2], *size)


@op("upsample_bilinear")
def upsample_bilinear(
    x: Tensor,
    scale_factor_height: float = 1,
    scale_factor_width: float = 1,
    align_corners: bool = True,
) -> Tensor:
    """Resize by two factors; the scale is recomputed from the sizes, as the documentation says."""
    mode = "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS"
    return _bilinear(x, *_scaled_size(x, scale_factor_height, scale_factor_width), mode)


@op("upsample_bilinear", since=IOS16)
def upsample_bilinear_half_pixel(
    x: Tensor,
    scale_factor_height: float = 1,
    scale_factor_width: float = 1,
    align_corners: bool = True,
    half_pixel_centers: bool | None = None,
) -> Tensor:
    """Resize by two factors; ``half_pixel_centers`` is ``not align_corners`` by default."""
    centred = not align_corners if half_pixel_centers is None else half_pixel_centers
    mode = "UNALIGN_CORNERS" if centred else "DEFAULT"
    if align_corners:
        mode = "STRICT_ALIGN_CORNERS"
    return _bilinear(x, *_scaled_size(x, scale_factor_height, scale_factor_width), mode)


@op("resize_bilinear")
def resize_bilinear(
    x: Tensor,
    target_size_height: int = 1,
    target_size_width: int = 1,
    sampling_mode: str = "DEFAULT",
) -> Tensor:
    return _bilinear(x, target_size_height, target_size_width, sampling_mode)


@op("resize", since=IOS17)
def resize(
    x: Tensor,
    shape: Ints,
    resized_dims: int,
    interpolation_mode: str = "LINEAR",
    sampling_mode: str = "DEFAULT",
) -> Tensor:
    """Resize the last ``resized_dims`` axes to the last sizes of ``shape``; a 0 keeps an axis."""
    resize_axis = _linear_axis if interpolation_mode == "LINEAR" else _nearest_axis
    for back in range(resized_dims, 0, -1):
        axis = x.dim() - back
        new = shape[len(shape) - back] or x.shape[axis]
        if new != x.shape[axis]:
            x = resize_axis(x, axis, new, sampling_mode)
    return x
