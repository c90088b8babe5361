"""Ops that move values between image axes, channels and samples, in blocks of pixels.

MIL's section ``tensor_transformation``.
"""

from torch import Tensor
from torch.nn import functional as F

from .registry import IOS16, Ints, op
from .tensor_transformation import crop


@op("pixel_shuffle", exact=True)
def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    return F.pixel_shuffle(x, upscale_factor)


@op("pixel_unshuffle", since=IOS16, exact=True)
def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    return F.pixel_unshuffle(x, downscale_factor)


@op("depth_to_space", exact=True)
def depth_to_space(x: Tensor, block_size: int) -> Tensor:
    """Move channels into blocks of pixels.

    The index within the block is the slowest part of the channel index; in pixel_shuffle it is the
    fastest.
    """
    n, c, h, w = x.shape
    b = block_size
    blocks = x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(n, c // (b * b), h * b, w * b)


@op("space_to_depth", exact=True)
def space_to_depth(x: Tensor, block_size: int) -> Tensor:
    n, c, h, w = x.shape
    b = block_size
    blocks = x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(n, c * b * b, h // b, w // b)


@op("space_to_batch", exact=True)
def space_to_batch(x: Tensor, block_shape: Ints, paddings: Ints) -> Tensor:
    top, bottom, left, right = paddings
    x = F.pad(x, (left, right, top, bottom))
    n, c, h, w = x.shape
    b, d = block_shape
    blocks = x.reshape(n, c, h // b, b, w // d, d).permute(3, 5, 0, 1, 2, 4)
    return blocks.reshape(n * b * d, c, h // b, w // d)


@op("batch_to_space", exact=True)
def batch_to_space(x: Tensor, block_shape: Ints, crops: Ints) -> Tensor:
    n, c, h, w = x.shape
    b, d = block_shape
    blocks = x.reshape(b, d, n // (b * d), c, h, w).permute(2, 3, 4, 0, 5, 1)
    whole = blocks.reshape(n // (b * d), c, h * b, w * d)
    return crop(whole, crops[:2], crops[2:])
