"""The schemes there are: found by name, and by what a target can store.

A new scheme is one file beside this one and one entry in `SCHEMES`.
"""

from __future__ import annotations

from collections.abc import Mapping

from quantization.errors import SchemeError
from quantization.schemes.float16 import Float16
from quantization.schemes.int4 import Int4
from quantization.schemes.int8 import Int8
from quantization.schemes.palette import Palette
from quantization.schemes.scheme import Scheme, Shape
from quantization.targets import Target

SCHEMES: tuple[type[Scheme], ...] = (Float16, Palette, Int8, Int4)

_UNGROUPED = (1, 1)
"""A shape that no candidate with groups or blocks is tried for."""


def parse(name: object) -> Scheme:
    """The scheme of that name, such as `palette-4/16`.

    Raises:
        SchemeError: There is none; the message lists how names are spelled.
    """
    if isinstance(name, str):
        for scheme in SCHEMES:
            if (found := scheme.parse(name)) is not None:
                return found
    expected = ", ".join(scheme.SPELLING for scheme in SCHEMES)
    raise SchemeError(f"no scheme is named {name!r}; expected one of {expected}")


def candidates(target: Target, shape: Shape) -> tuple[Scheme, ...]:
    """The schemes that a plan for a target chooses from for a weight, smallest first."""
    found = [one for scheme in SCHEMES for one in scheme.candidates(shape)]
    available = [one for one in found if one.available_on(target)]
    return tuple(sorted(available, key=lambda scheme: (scheme.size(shape), str(scheme))))


def nearest(target: Target, scheme: Scheme) -> Scheme:
    """The scheme available on a target that comes nearest: as many bits, or the next more."""
    if scheme.available_on(target):
        return scheme
    enough = (one for one in candidates(target, _UNGROUPED) if one.bits >= scheme.bits)
    return min(enough, key=lambda one: one.bits)


def require_available(
    target: Target, schemes: Mapping[str, Scheme], int8_layers: tuple[str, ...] = ()
) -> None:
    """Check that a target can store weights and compute layers as a recipe asks for.

    Args:
        target: What the weights are for.
        schemes: The scheme of each weight, by name.
        int8_layers: Names of the layers that compute in int8.

    Raises:
        SchemeError: It cannot; the message names the first such weight or layer, and the nearest
            thing that the target has.
    """
    for name, scheme in schemes.items():
        if not scheme.available_on(target):
            raise SchemeError(
                f"{target} cannot store {name} as {scheme}; the nearest it has is "
                f"{nearest(target, scheme)}"
            )
    if int8_layers and not target.computes_in_int8:
        raise SchemeError(
            f"{target} cannot compute {int8_layers[0]} in int8; the nearest it has is int8 weights "
            "(leave the layer out of the recipe's activations)"
        )
