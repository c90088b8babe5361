"""Convolution and its transpose, with one to three spatial axes (MIL's section ``conv``)."""

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn import functional as F

from .registry import Ints, op
from .spatial_padding import flat_for_torch, spatial_pads

_CONV: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED: dict[int, Callable[..., Tensor]] = {
    1: F.conv_transpose1d,
    2: F.conv_transpose2d,
    3: F.conv_transpose3d,
}


@op("conv")
def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: Ints | None = None,
    pad_type: str = "valid",
    pad: Ints | None = None,
    dilations: Ints | None = None,
    groups: int = 1,
) -> Tensor:
    """Convolve ``x`` (N, C, *size) with ``weight`` (C_out, C / groups, *kernel)."""
    # For a transposed x, torch would copy the weight into the layout of x in every call.
    rank, x = x.dim() - 2, x.contiguous()
    strides = strides or (1,) * rank
    dilations = dilations or (1,) * rank
    pads = spatial_pads(pad_type, pad, x.shape[2:], weight.shape[2:], strides, dilations)
    padding: Sequence[int] = [before for before, _ in pads]
    if any(before != after for before, after in pads):
        x, padding = F.pad(x, flat_for_torch(pads)), (0,) * rank
    return _CONV[rank](x, weight, bias, strides, padding, dilations, groups)


@op("conv_quantized")
def conv_quantized(
    x: Tensor,
    weight: Tensor,
    quantization_type: str,
    quant_scale: Tensor,
    quant_bias: Tensor,
    bias: Tensor | None = None,
    nbits: int = 8,
    strides: Ints | None = None,
    pad_type: str = "valid",
    pad: Ints | None = None,
    dilations: Ints | None = None,
    groups: int = 1,
) -> Tensor:
    """Convolve with ``weight * quant_scale + quant_bias``; both are scalars or vectors of C_out."""
    if quantization_type != "linear":
        raise ValueError(f"unknown quantization_type {quantization_type!r}")
    view = (-1, *(1,) * (weight.dim() - 1))
    scale, shift = (v.reshape(view) if v.numel() > 1 else v for v in (quant_scale, quant_bias))
    dense = weight.float() * scale + shift
    return conv(x, dense, bias, strides, pad_type, pad, dilations, groups)


@op("conv_transpose")
def conv_transpose(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    pad: Ints | None = None,
    output_shape: Ints | None = None,
    pad_type: str = "valid",
    strides: Ints | None = None,
    dilations: Ints | None = None,
    groups: int = 1,
) -> Tensor:
    """Apply the transpose of a convolution to ``x`` (N, C, *size).

    ``weight`` is (C, C_out / groups, *kernel). The full result is cropped by ``pad`` (for ``same``,
    to ``size * stride``). Where ``output_shape`` asks for another size, its end is then cropped or
    extended.
    """
    rank = x.dim() - 2
    strides = strides or (1,) * rank
    dilations = dilations or (1,) * rank
    full = tuple(
        (size - 1) * stride + (width - 1) * dilation + 1
        for size, stride, width, dilation in zip(
            x.shape[2:], strides, weight.shape[2:], dilations, strict=True
        )
    )
    crops = _crops(pad_type, pad, output_shape, full, x.shape[2:], strides)
    run = _TRANSPOSED[rank]
    if all(before == after >= 0 for before, after in crops):
        padding = [before for before, _ in crops]
        return run(x, weight, bias, strides, padding, 0, groups, dilations)
    y = run(x, weight, None, strides, 0, 0, groups, dilations)
    y = F.pad(y, flat_for_torch([(-before, -after) for before, after in crops]))
    return y if bias is None else y + bias.reshape(1, -1, *(1,) * rank)


def _crops(
    pad_type: str,
    pad: Sequence[int] | None,
    output_shape: Sequence[int] | None,
    full: Sequence[int],
    sizes: Sequence[int],
    strides: Sequence[int],
) -> list[tuple[int, int]]:
    """Return how much to crop before and after each spatial axis of the full result.

    A negative number extends the axis.
    """
    kind = pad_type.lower()
    crops = []
    for axis, size in enumerate(full):
        before = after = 0
        if kind == "custom" and pad is not None:
            before, after = pad[2 * axis], pad[2 * axis + 1]
        elif kind in ("same", "same_lower"):
            wanted = output_shape[2 + axis] if output_shape else sizes[axis] * strides[axis]
            total = size - wanted
            before = total // 2 if kind == "same" else total - total // 2
            before = max(before, 0)
            after = total - before
        if output_shape is not None:
            after = size - before - output_shape[2 + axis]
        crops.append((before, after))
    return crops
