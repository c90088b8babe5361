"""The rules that a selfie must keep before avatars are drawn from it: measures, limits, refusals.

The limits are data (`RULES`, and `selfie_rules` in every manifest); the measures are formulas that
every language implements. x is the prepared selfie (3,S,S) in [0,1]. y = 0.2126·R + 0.7152·G +
0.0722·B is its luma, computed from sRGB values without linearisation, in double precision:

| rule | measure |
| --- | --- |
| count | number of selfies |
| side | shorter side of the upright picture, pixels |
| brightness | mean of y |
| contrast | population standard deviation of y |
| sharpness | root mean square, over inner pixels, of 4·y minus its neighbours, over contrast |
| difference | least mean of abs(x - x') over all earlier selfies x' |
| faces | number of faces found in the upright picture |
| face_size | width of the one face's box, divided by the picture's shorter side |
| face_offset | distance of that box's centre from the picture's, divided by the shorter side |

Sharpness is 0 where contrast is below 1e-6. Rules about faces apply where a detector was used,
`face_size` and `face_offset` where it found exactly one face. `docs/selfies.md` says how the limits
were found, and what `rules_for` makes of them for a model of another size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar.selfies.preparation import MAX_SELFIES, SELFIE_SIZE

Array = NDArray[np.float32]

LUMA = (0.2126, 0.7152, 0.0722)
FLAT = 1e-6
"""Contrast below which differences are only rounding errors."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A measure and its limits.

    Attributes:
        name: Name of the measure.
        min: Least value that is allowed; None for no limit.
        max: Greatest value that is allowed; None for no limit.
        about: What the rule asks for, in words for users.
    """

    name: str
    min: float | None = None
    max: float | None = None
    about: str

    def broken_by(self, value: float) -> float | None:
        """The limit that `value` breaks, or None where it keeps both."""
        if self.min is not None and not value >= self.min:
            return self.min
        if self.max is not None and not value <= self.max:
            return self.max
        return None

    @property
    def limits(self) -> str:
        """The limits in words: `at least 128`, `0.15 to 0.85`, `1`."""
        if self.min is None:
            return f"at most {self.max:g}"
        if self.max is None:
            return f"at least {self.min:g}"
        return f"{self.min:g}" if self.min == self.max else f"{self.min:g} to {self.max:g}"


RULES = (
    Rule(
        name="count",
        min=1.0,
        max=float(MAX_SELFIES),
        about="selfies of one person",
    ),
    Rule(name="side", min=128.0, about="the shorter side of the picture in pixels"),
    Rule(name="brightness", min=0.15, max=0.85, about="neither too dark nor too bright"),
    Rule(name="contrast", min=0.05, about="not flat: light and shadow differ"),
    Rule(name="sharpness", min=0.09, about="not blurred"),
    Rule(name="difference", min=0.04, about="not nearly the same as an earlier selfie"),
    Rule(name="faces", min=1.0, max=1.0, about="exactly one face"),
    Rule(name="face_size", min=0.25, about="a face large enough, by the picture's shorter side"),
    Rule(name="face_offset", max=0.3, about="a face near the centre of the picture"),
)
"""All rules, in the order in which refusals are reported, for ten selfies of 128×128."""

SOFTENING = 0.75
"""How fast sharpness falls as a picture grows: by the size to this power. Photographs measured at
128 and 224 pixels have 0.32 to 0.67 and 0.22 to 0.42."""


def rules_for(places: int, size: int) -> tuple[Rule, ...]:
    """The rules of a model that takes up to `places` selfies of `size`×`size` pixels."""
    sharpness = 0.09 * (SELFIE_SIZE / size) ** SOFTENING
    limits: dict[str, dict[str, Any]] = {
        "count": {"max": float(places)},
        "side": {"min": float(size)},
        "sharpness": {"min": float(f"{sharpness:.2g}")},
    }
    return tuple(replace(rule, **limits.get(rule.name, {})) for rule in RULES)


@dataclass(frozen=True, kw_only=True)
class Face:
    """The box around a face, in pixels of the upright picture."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A selfie as the rules see it.

    Attributes:
        width: Width of the upright picture, in pixels.
        height: Height of the upright picture, in pixels.
        pixels: The prepared selfie, (3,S,S) float32 sRGB in [0,1].
        faces: The faces found in the upright picture; None where no detector was used.
    """

    width: int
    height: int
    pixels: Array
    faces: Sequence[Face] | None = None


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A rule that a selfie breaks.

    Attributes:
        selfie: Index of the selfie; None where the rule is about all of them.
        rule: Name of the rule.
        value: The measured value.
        limit: The limit that it breaks.
        earlier: For `difference`, the index of the earlier selfie that is nearly the same.
        message: Rule, value and limit in one line, without the name of the selfie.
    """

    selfie: int | None
    rule: str
    value: float
    limit: float
    earlier: int | None = None
    message: str


def check_count(count: int, rules: Sequence[Rule] = RULES) -> tuple[Refusal, ...]:
    """The refusal of a number of selfies, if any; it needs no picture to be opened."""
    return _refusals(None, {"count": float(count)}, rules)


def refusals_of(photos: Sequence[Photo], rules: Sequence[Rule] = RULES) -> tuple[Refusal, ...]:
    """All broken rules, ordered by selfie, then by rule.

    Where the number of selfies is not allowed, that is the only refusal.
    """
    wrong_count = check_count(len(photos), rules)
    if wrong_count:
        return wrong_count
    return tuple(chain.from_iterable(check_one(photos, i, rules) for i in range(len(photos))))


def check_one(
    photos: Sequence[Photo], index: int, rules: Sequence[Rule] = RULES
) -> tuple[Refusal, ...]:
    """The rules that the selfie at `index` breaks, compared with the earlier selfies."""
    found = measures(photos[index])
    earlier = None
    if index:
        found["difference"], earlier = nearest(photos[:index], photos[index])
    return _refusals(index, found, rules, earlier)


def measures(photo: Photo) -> dict[str, float]:
    """The measures of one selfie by itself, by the name of the rule."""
    luma = np.tensordot(np.asarray(LUMA), photo.pixels.astype(np.float64), axes=1)
    contrast = float(luma.std())
    return {
        "side": float(min(photo.width, photo.height)),
        "brightness": float(luma.mean()),
        "contrast": contrast,
        "sharpness": _edges(luma) / contrast if contrast >= FLAT else 0.0,
        **_face_measures(photo),
    }


def difference(one: Array, other: Array) -> float:
    """Mean absolute difference of two prepared selfies, in [0,1]."""
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).mean())


def nearest(earlier: Sequence[Photo], photo: Photo) -> tuple[float, int]:
    """The least difference from the earlier selfies, and the index of the first that has it."""
    return min((difference(one.pixels, photo.pixels), i) for i, one in enumerate(earlier))


def rules_to_dicts(rules: Sequence[Rule] = RULES) -> tuple[dict[str, Any], ...]:
    """The rules as plain values for a manifest."""
    return tuple(asdict(rule) for rule in rules)


def rules_from_dicts(values: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The inverse of `rules_to_dicts`: `rules_from_dicts(rules_to_dicts(rules)) == rules`."""
    return tuple(Rule(**value) for value in values)


def _edges(luma: NDArray[np.float64]) -> float:
    """Root mean square of the discrete Laplacian over the inner pixels."""
    inner = 4 * luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return math.sqrt(float(((inner - around) ** 2).mean()))


def _face_measures(photo: Photo) -> dict[str, float]:
    if photo.faces is None:
        return {}
    found = {"faces": float(len(photo.faces))}
    if len(photo.faces) != 1:
        return found
    (face,) = photo.faces
    side = min(photo.width, photo.height)
    right = face.left + face.width / 2 - photo.width / 2
    down = face.top + face.height / 2 - photo.height / 2
    return {**found, "face_size": face.width / side, "face_offset": math.hypot(right, down) / side}


def _refusals(
    selfie: int | None,
    found: Mapping[str, float],
    rules: Sequence[Rule],
    earlier: int | None = None,
) -> tuple[Refusal, ...]:
    broken = ((rule, rule.broken_by(found[rule.name])) for rule in rules if rule.name in found)
    return tuple(
        Refusal(
            selfie=selfie,
            rule=rule.name,
            value=found[rule.name],
            limit=limit,
            earlier=earlier if rule.name == "difference" else None,
            message=_message(rule, found[rule.name], limit),
        )
        for rule, limit in broken
        if limit is not None
    )


def _message(rule: Rule, value: float, limit: float) -> str:
    bound = "at least" if limit == rule.min and not value >= limit else "at most"
    return f"{rule.name} is {value:.3g}, expected {bound} {limit:g} ({rule.about})"
