"""Decompression of weights (MIL's sections ``constexpr_ops`` and ``compression``).

The planner runs these ops once, at load, on constants.
"""

import math

import torch
from torch import Tensor

from ..numerics import unpack_bits
from .registry import IOS16, IOS18, Ints, op

# Longer vectors would let a small file become a large tensor.
MAX_VECTOR = 64


def _unpacked(packed: Tensor, bits: int, count: int) -> Tensor:
    return torch.from_numpy(unpack_bits(packed.cpu().numpy(), bits, count)).to(packed.device)


def _repeated(values: Tensor, shape: torch.Size) -> Tensor:
    """Repeat each element of ``values`` over its block, so that the result has ``shape``."""
    if values.dim() != len(shape):
        raise ValueError(f"blocks of {values.dim()} axes for {len(shape)}")
    for axis, size in enumerate(shape):
        have = values.shape[axis]
        if have == 0 or size % have:
            raise ValueError(f"{size} elements do not divide into {have} blocks")
        if 1 < have < size:
            values = values.repeat_interleave(size // have, axis)
    return values


@op("constexpr_cast", since=IOS16)
def constexpr_cast(source_val: Tensor, output_dtype: str) -> Tensor:
    return source_val


@op("constexpr_affine_dequantize", since=IOS16)
def constexpr_affine_dequantize(
    quantized_data: Tensor, zero_point: Tensor, scale: Tensor, axis: int
) -> Tensor:
    """Compute ``scale * (data - zero_point)``.

    Scale and zero point are scalars, or vectors with one value for each index along ``axis``.
    """
    view = [1] * quantized_data.dim()
    view[axis] = -1
    if any(part.numel() not in (1, quantized_data.shape[axis]) for part in (zero_point, scale)):
        raise ValueError(f"{quantized_data.shape[axis]} elements along axis {axis}")
    shift = zero_point.float().reshape(view) if zero_point.dim() else zero_point.float()
    factor = scale.reshape(view) if scale.dim() else scale
    return (quantized_data.float() - shift) * factor


@op("constexpr_lut_to_dense", since=IOS16, exact=True)
def constexpr_lut_to_dense(indices: Tensor, lut: Tensor, shape: Ints) -> Tensor:
    """Look up ``lut`` (2, 4, 16, 64 or 256 entries) at indices packed from the least bit up."""
    bits = int(math.log2(len(lut)))
    count = math.prod(shape)
    if len(lut) != 1 << bits or len(indices) != -(-count * bits // 8):
        raise ValueError(f"{len(indices)} bytes of indices, {len(lut)} palette entries, {shape}")
    return _look_up(lut, _unpacked(indices, bits, count)).reshape(shape)


def _look_up(lut: Tensor, indices: Tensor) -> Tensor:
    return torch.index_select(lut, 0, indices.reshape(-1).int())


@op("constexpr_lut_to_dense", since=IOS18, exact=True)
def constexpr_lut_to_dense_grouped(
    indices: Tensor, lut: Tensor, vector_axis: int | None = None
) -> Tensor:
    """Look up scalars, or vectors along ``vector_axis``, in one palette for each block.

    ``lut`` has the axes of ``indices`` (the number of blocks along each) and two more: the entries
    and the elements of a vector.
    """
    entries, length = lut.shape[-2:]
    if not 0 < length <= MAX_VECTOR:
        raise ValueError(f"a palette of vectors of {length}")
    palettes = lut.reshape(-1, length)
    flat = indices.to(torch.int32)
    if palettes.shape[0] != entries:
        number = torch.arange(palettes.shape[0] // entries, dtype=torch.int32, device=lut.device)
        flat = flat + entries * _repeated(number.reshape(lut.shape[:-2]), indices.shape)
    values = torch.index_select(palettes, 0, flat.reshape(-1))
    values = values.reshape(*indices.shape, length)
    if length == 1:
        return values.squeeze(-1)
    if vector_axis is None:
        raise ValueError("a palette of vectors needs a vector_axis")
    axis = vector_axis % indices.dim()
    return values.movedim(-1, axis + 1).flatten(axis, axis + 1)


def _scattered(mask: Tensor, values: Tensor) -> Tensor:
    """Return a tensor with ``values`` at the set elements of ``mask`` and zeros elsewhere."""
    dense = torch.zeros(mask.shape, dtype=values.dtype, device=values.device)
    selected = mask.bool()
    if int(selected.sum()) != len(values):
        raise ValueError(f"{int(selected.sum())} set bits for {len(values)} values")
    dense[selected] = values
    return dense


@op("constexpr_sparse_to_dense", since=IOS16, exact=True)
def constexpr_sparse_to_dense(nonzero_data: Tensor, mask: Tensor, shape: Ints) -> Tensor:
    """Place the nonzero values; ``mask`` has one bit per element, packed from the least bit up."""
    count = math.prod(shape)
    if len(mask) != -(-count // 8):
        raise ValueError(f"{len(mask)} bytes of mask for shape {shape}")
    return _scattered(_unpacked(mask, 1, count).reshape(shape), nonzero_data)


@op("constexpr_sparse_to_dense", since=IOS18, exact=True)
def constexpr_sparse_to_dense_masked(nonzero_data: Tensor, mask: Tensor) -> Tensor:
    return _scattered(mask, nonzero_data)


@op("constexpr_blockwise_shift_scale", since=IOS18)
def constexpr_blockwise_shift_scale(
    data: Tensor, scale: Tensor, offset: Tensor | None = None
) -> Tensor:
    """Compute ``scale * (data - offset)``, with one scale and one offset for each block."""
    values = data.float()
    if offset is not None:
        values = values - _repeated(offset.float(), data.shape)
    return values * _repeated(scale, data.shape)


@op("constexpr_lut_to_sparse", since=IOS18, exact=True)
def constexpr_lut_to_sparse(
    indices_mask: Tensor, indices_nonzero_data: Tensor, lut: Tensor, vector_axis: int | None = None
) -> tuple[Tensor, Tensor]:
    """Look up palettes at the set elements only; return the mask and the values of the result."""
    dense = constexpr_lut_to_dense_grouped(
        _scattered(indices_mask, indices_nonzero_data), lut, vector_axis
    )
    mask = indices_mask
    if lut.shape[-1] > 1 and vector_axis is not None:
        mask = mask.repeat_interleave(lut.shape[-1], vector_axis)
    return mask, dense[mask.bool()]


@op("constexpr_sparse_blockwise_shift_scale", since=IOS18)
def constexpr_sparse_blockwise_shift_scale(
    data_mask: Tensor, nonzero_data: Tensor, scale: Tensor, offset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Compute ``scale * (data - offset)`` at the set elements; return the mask and the values."""
    dense = constexpr_blockwise_shift_scale(_scattered(data_mask, nonzero_data), scale, offset)
    return data_mask, dense[data_mask.bool()]
