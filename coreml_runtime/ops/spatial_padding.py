"""Padding of the spatial axes, as the parameters of convolutions and pools describe it."""

from collections.abc import Sequence


def spatial_pads(
    pad_type: str,
    pad: Sequence[int] | None,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> tuple[tuple[int, int], ...]:
    """Return (before, after) for every spatial axis, in elements.

    ``same`` and ``same_lower`` give ``ceil(size / stride)`` outputs; the odd element of padding is
    after the data for ``same`` and before it for ``same_lower``.

    Raises:
        ValueError: ``pad_type`` is not ``valid``, ``custom``, ``same`` or ``same_lower``.
    """
    kind = pad_type.lower()
    if kind == "custom":
        flat = pad if pad is not None else (0,) * (2 * len(sizes))
        return tuple((flat[2 * i], flat[2 * i + 1]) for i in range(len(sizes)))
    if kind == "valid":
        return ((0, 0),) * len(sizes)
    if kind not in ("same", "same_lower"):
        raise ValueError(f"unknown pad_type {pad_type!r}")
    pads = []
    for size, width, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        extent = (width - 1) * dilation + 1
        total = max((-(-size // stride) - 1) * stride + extent - size, 0)
        small, large = total // 2, total - total // 2
        pads.append((small, large) if kind == "same" else (large, small))
    return tuple(pads)


def flat_for_torch(pads: Sequence[tuple[int, int]]) -> list[int]:
    """Return the pads as ``torch.nn.functional.pad`` takes them, with the last axis first."""
    return [amount for pair in reversed(pads) for amount in pair]
