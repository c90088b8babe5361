"""8-bit pixels to the tensors that networks take, and pictures joined into one sheet to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from support.images import to_pixels


def from_pixels(pixels: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Pictures (h,w,3) uint8 of one size as one (n,3,h,w) float32 tensor in [0,1]."""
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float().div(255)


def from_planes(planes: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Pictures (3,h,w) uint8 of one size as one (n,3,h,w) float32 tensor in [0,1]."""
    return torch.from_numpy(np.stack(planes)).float().div(255)


def sheet(rows: Sequence[Tensor]) -> Image.Image:
    """Join rows of pictures, each (n,3,h,w) in [0,1] and of one width, into one RGB image."""
    joined = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    return Image.fromarray(to_pixels(joined.numpy()))
