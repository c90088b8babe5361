"""Which schemes each export target can write, and the nearest one that it can."""

from __future__ import annotations

from collections.abc import Mapping

from quantization.errors import SchemeError
from quantization.schemes import FLOAT16, INT8, PALETTE_BITS, Scheme, palette_scheme

TARGETS = ("coreml-ios16", "coreml-ios17", "coreml-ios18", "onnx")
_OLD_PALETTES = tuple(bits for bits in PALETTE_BITS if bits != 3)


def supports(target: str, scheme: Scheme) -> bool:
    """Whether a target can write a weight in this scheme as it is.

    Before iOS 18 Core ML has one palette a tensor, of 1, 2, 4, 6 or 8 bits, and int8 by channel
    (`constexpr_lut_to_dense`, `constexpr_affine_dequantize`); from then on all (`coremltools`,
    `iOS18/compression.py`).
    """
    if target in ("coreml-ios16", "coreml-ios17"):
        if scheme.kind == "palette":
            return not scheme.group and scheme.bits in _OLD_PALETTES
        return scheme in (FLOAT16, INT8)
    return True


def nearest(target: str, scheme: Scheme) -> Scheme:
    """The scheme a target has that comes nearest: as many bits or the next more."""
    if supports(target, scheme):
        return scheme
    return palette_scheme(next(bits for bits in _OLD_PALETTES if bits >= scheme.bits))


def require(target: str, schemes: Mapping[str, Scheme], activations: tuple[str, ...] = ()) -> None:
    """Raise `SchemeError` unless a target can write all these weights and int8 layers, by name."""
    for name, scheme in schemes.items():
        if not supports(target, scheme):
            raise SchemeError(
                f"{target} cannot store {name} as {scheme}; the nearest it has is "
                f"{nearest(target, scheme)}"
            )
    if activations and target != "onnx":
        raise SchemeError(
            f"{target} cannot compute {activations[0]} in int8; the nearest it has is int8 weights "
            "(leave the layer out of the recipe's activations)"
        )


def candidates(target: str, shape: tuple[int, ...]) -> tuple[Scheme, ...]:
    """The schemes that a plan chooses from for a weight, smallest first."""
    grouped = [
        palette_scheme(bits, group)
        for bits in (2, 3, 4)
        for group in (16,)
        if shape[0] > group and shape[0] % group == 0
    ]
    plain = [palette_scheme(bits) for bits in PALETTE_BITS]
    found = [s for s in (*plain, *grouped, INT8, FLOAT16) if supports(target, s)]
    return tuple(sorted(found, key=lambda scheme: (scheme.size(shape), str(scheme))))
