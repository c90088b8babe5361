"""Sampling of images at coordinates, through an affine matrix, or inside boxes.

MIL's section ``image_resizing``.
"""

import torch
from torch import Tensor

from .image_resizing import sampling_grid
from .registry import IOS16, IOS17, op


def _pixel_coordinates(coordinates: Tensor, size: int, mode: str, align_corners: bool) -> Tensor:
    """Convert coordinates to pixels, where 0 is the centre of the first pixel."""
    if mode == "unnormalized":
        return coordinates
    if mode == "normalized_minus_one_to_one":
        unit = (coordinates + 1) / 2
    elif mode == "normalized_zero_to_one":
        unit = coordinates
    else:
        raise ValueError(f"unknown coordinates_mode {mode!r}")
    return unit * (size - 1) if align_corners else unit * size - 0.5


def _pad_coordinates(pixel: Tensor, size: int, padding_mode: str) -> Tensor:
    """Move coordinates outside the image into it, as the mode says; ``constant`` keeps them."""
    if padding_mode == "constant":
        return pixel
    if padding_mode == "reflection":  # about the centres of the outermost pixels
        period = 2 * (size - 1)
        pixel = pixel.abs() % period if period else torch.zeros_like(pixel)
        pixel = torch.minimum(pixel, period - pixel)
    elif padding_mode == "symmetric":  # about the outer edges of the outermost pixels
        pixel = (pixel + 0.5).abs() % (2 * size)
        pixel = torch.minimum(pixel, 2 * size - pixel) - 0.5
    elif padding_mode != "border":
        raise ValueError(f"unknown padding_mode {padding_mode!r}")
    return pixel.clamp(0, size - 1)


def _pick(x: Tensor, row: Tensor, column: Tensor, outside: float) -> Tensor:
    """Take the pixels of ``x`` (B, C, H, W) at whole coordinates (B, h, w).

    A coordinate outside the image gives ``outside``.
    """
    _, _, height, width = x.shape
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    flat = row.clamp(0, height - 1).long() * width + column.clamp(0, width - 1).long()
    index = flat.flatten(1).unsqueeze(1).expand(-1, x.shape[1], -1)
    values = x.flatten(2).gather(2, index).unflatten(2, row.shape[1:])
    return torch.where(inside.unsqueeze(1), values, outside)


def _sample(
    x: Tensor, row: Tensor, column: Tensor, sampling_mode: str, outside: float = 0.0
) -> Tensor:
    """Sample ``x`` (B, C, H, W) at coordinates (B, h, w) in pixels."""
    if sampling_mode == "nearest":
        return _pick(x, torch.round(row), torch.round(column), outside)
    if sampling_mode != "bilinear":
        raise ValueError(f"unknown sampling_mode {sampling_mode!r}")
    top, left = row.floor(), column.floor()
    down, right = (row - top).unsqueeze(1), (column - left).unsqueeze(1)
    above = torch.lerp(_pick(x, top, left, outside), _pick(x, top, left + 1, outside), right)
    below = torch.lerp(
        _pick(x, top + 1, left, outside), _pick(x, top + 1, left + 1, outside), right
    )
    return torch.lerp(above, below, down)


@op("resample")
def resample(
    x: Tensor,
    coordinates: Tensor,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    """Sample ``x`` at ``coordinates`` (B, h, w, 2), which hold x, then y.

    ``nearest`` takes the pixel with the even number where two are equally near.
    """
    column, row = coordinates.float().unbind(-1)
    height, width = x.shape[-2:]
    row = _pixel_coordinates(row, height, coordinates_mode, align_corners)
    row = _pad_coordinates(row, height, padding_mode)
    column = _pixel_coordinates(column, width, coordinates_mode, align_corners)
    column = _pad_coordinates(column, width, padding_mode)
    return _sample(x, row, column, sampling_mode, padding_value)


@op("affine")
def affine(
    x: Tensor,
    transform_matrix: Tensor,
    output_height: int,
    output_width: int,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    """Sample at (a0 x + a1 y + a2, b0 x + b1 y + b2), for the matrix (a0, a1, a2, b0, b1, b2)."""
    ys, xs = (
        torch.linspace(-1, 1, size, device=x.device) if size > 1 else x.new_zeros(1)
        for size in (output_height, output_width)
    )
    matrix = transform_matrix.reshape(-1, 2, 3).expand(x.shape[0], 2, 3)
    y, x_ = torch.meshgrid(ys, xs, indexing="ij")
    points = torch.stack((x_, y, torch.ones_like(y)), -1)
    coordinates = torch.einsum("hwk,bck->bhwc", points, matrix)
    return resample(
        x, coordinates, sampling_mode.lower(), padding_mode.lower(), padding_value,
        coordinates_mode.lower(), align_corners,
    )  # fmt: skip


def _box_corners(boxes: Tensor, mode: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the top, left, bottom and right of each box, each of shape (N,)."""
    a, b, c, d = boxes.unbind(-1)
    if mode.endswith("WIDTH_FIRST"):
        a, b, c, d = b, a, d, c
    elif not mode.endswith("HEIGHT_FIRST"):
        raise ValueError(f"unknown box_coordinate_mode {mode!r}")
    if mode.startswith("CENTER_SIZE"):
        return a - c / 2, b - d / 2, a + c / 2, b + d / 2
    return a, b, c, d


def _crops(
    x: Tensor, boxes: Tensor, images: Tensor, height: int, width: int, normalized: bool,
    scale: float, box_mode: str, mode: str, outside: float,
) -> Tensor:  # fmt: skip
    """Resample box i of image ``images[i]`` to (N, C, height, width).

    Coordinates outside the image give ``outside``.
    """
    top, left, bottom, right = (side * scale for side in _box_corners(boxes.float(), box_mode))
    rows, columns = x.shape[-2:]
    if normalized:
        top, bottom = top * (rows - 1), bottom * (rows - 1)
        left, right = left * (columns - 1), right * (columns - 1)
    row = sampling_grid(mode, top, bottom, height).float()
    column = sampling_grid(mode, left, right, width).float()
    inside = ((row >= 0) & (row <= rows - 1)).unsqueeze(2)
    inside = inside & ((column >= 0) & (column <= columns - 1)).unsqueeze(1)
    shape = (len(boxes), height, width)
    y = _sample(
        x.index_select(0, images), row.unsqueeze(2).expand(shape),
        column.unsqueeze(1).expand(shape), "bilinear",
    )  # fmt: skip
    return torch.where(inside.unsqueeze(1), y, outside)


@op("crop_resize")
def crop_resize(
    x: Tensor,
    roi: Tensor,
    target_height: int = 1,
    target_width: int = 1,
    normalized_coordinates: bool = False,
    spatial_scale: float = 1.0,
    box_coordinate_mode: str = "CORNERS_HEIGHT_FIRST",
    sampling_mode: str = "DEFAULT",
) -> Tensor:
    """Crop boxes and resize them.

    ``roi`` of (N, 1, 4, 1, 1) crops each box from every image; (N, 1, 5, 1, 1) crops it from the
    image whose index comes first.
    """
    return crop_resize_padded(
        x, roi, target_height, target_width, normalized_coordinates, spatial_scale,
        box_coordinate_mode, sampling_mode,
    )  # fmt: skip


@op("crop_resize", since=IOS16)
def crop_resize_padded(
    x: Tensor,
    roi: Tensor,
    target_height: int = 1,
    target_width: int = 1,
    normalized_coordinates: bool = False,
    spatial_scale: float = 1.0,
    box_coordinate_mode: str = "CORNERS_HEIGHT_FIRST",
    sampling_mode: str = "DEFAULT",
    pad_value: float = 0.0,
) -> Tensor:
    """Crop boxes and resize them; coordinates outside the image give ``pad_value``."""
    count, _, numbers = roi.shape[:3]
    rows = roi.reshape(count, numbers)
    if numbers == 5:
        boxes, images, per_box = rows[:, 1:], rows[:, 0].long(), 1
    else:
        per_box = x.shape[0]
        boxes = rows.repeat_interleave(per_box, 0)
        images = torch.arange(per_box, device=x.device).repeat(count)
    crops = _crops(
        x, boxes, images, target_height, target_width, normalized_coordinates, spatial_scale,
        box_coordinate_mode, sampling_mode, pad_value,
    )  # fmt: skip
    return crops.unflatten(0, (count, per_box))


@op("crop_resize", since=IOS17)
def crop_resize_boxes(
    x: Tensor,
    boxes: Tensor,
    box_indices: Tensor | None = None,
    target_height: int = 1,
    target_width: int = 1,
    normalized_coordinates: bool = False,
    spatial_scale: float = 1.0,
    box_coordinate_mode: str = "CORNERS_HEIGHT_FIRST",
    sampling_mode: str = "DEFAULT",
    pad_value: float = 0.0,
) -> Tensor:
    """Crop box i of ``boxes`` (N, 4) from image ``box_indices[i]``, by default image i."""
    if box_indices is None:
        box_indices = torch.arange(len(boxes), device=x.device)
    return _crops(
        x, boxes, box_indices.long(), target_height, target_width, normalized_coordinates,
        spatial_scale, box_coordinate_mode, sampling_mode, pad_value,
    )  # fmt: skip
