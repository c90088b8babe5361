"""Rounding of results to the element type that a program declares for them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .element_types import TORCH_STORAGE, DType

Cast = Callable[[Tensor], Tensor]
"""Turns the result of an op into a value of the declared type, in the torch type that holds it."""

_FLOAT_STORAGE = {"fp16": torch.float16, **TORCH_STORAGE}

# Elements rounded at a time. Each is read twice; a chunk of this size stays in the CPU's cache.
_CHUNK = 1 << 19


def declared_cast(dtype: DType, precision: str, *, exact: bool, in_place: bool) -> Cast:
    """Return the function that casts a result to ``dtype``.

    Args:
        dtype: The declared element type.
        precision: ``storage`` rounds floats to ``dtype``; ``float32`` leaves them as they are.
            Integers wrap to ``dtype`` in both.
        exact: The op only moves or selects values, so no rounding is needed.
        in_place: Round in the memory of the result, which takes half the time. This is safe where
            the op owns that memory or it is a view of values of the same type: rounding a rounded
            value changes nothing.
    """
    held = dtype.held
    narrow = wrapping(dtype)
    if narrow is None and precision == "storage" and not exact:
        narrow = rounding(dtype, in_place=in_place)
    if narrow is None:
        return lambda value: value if value.dtype == held else value.to(held)
    narrowing = narrow
    return lambda value: narrowing(value if value.dtype == held else value.to(held))


class _RoundTo(torch.autograd.Function):
    """Rounds to ``storage`` and back to the held type; the gradient passes through unchanged."""

    @staticmethod
    def forward(ctx: object, value: Tensor, storage: torch.dtype) -> Tensor:
        return value.to(storage).to(value.dtype)

    @staticmethod
    def backward(ctx: object, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


def rounding(dtype: DType, *, in_place: bool = False) -> Cast | None:
    """Return the function that rounds a held float tensor to ``dtype``.

    Returns None where the held type has the same precision. Rounding is to nearest, ties to even;
    fp16 overflows to infinity (IEEE 754). A tensor that takes part in autograd is never changed
    ``in_place``.
    """
    storage = _FLOAT_STORAGE.get(dtype.name)
    if storage is None:
        return None

    def round_to(value: Tensor) -> Tensor:
        if value.requires_grad and torch.is_grad_enabled():
            rounded: Tensor = _RoundTo.apply(value, storage)
            return rounded
        if in_place and value.numel() > _CHUNK and value.is_contiguous():
            for chunk in value.view(-1).split(_CHUNK):
                chunk.copy_(chunk.to(storage))
            return value
        if in_place:
            return value.copy_(value.to(storage))
        return value.to(storage).to(value.dtype)

    return round_to


def round_values(dtype: DType, values: Sequence[float]) -> list[float]:
    """Return the numbers after rounding each to the nearest value of the float type ``dtype``."""
    tensor = torch.tensor(values, dtype=torch.float64).to(
        _FLOAT_STORAGE.get(dtype.name, torch.float32)
    )
    return list(tensor.double().tolist())


def wrapping(dtype: DType) -> Cast | None:
    """Return the function that wraps a held integer tensor to ``dtype`` (modulo 2^bits).

    Returns None where the held type wraps by itself, and for types that are not integers.
    """
    if dtype.kind not in "iu" or dtype.bits >= 8 * dtype.held.itemsize:
        return None
    span = 1 << dtype.bits
    low = -(span // 2) if dtype.kind == "i" else 0

    def wrap_to(value: Tensor) -> Tensor:
        return torch.remainder(value - low, span) + low

    return wrap_to
