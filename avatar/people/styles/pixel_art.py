"""Pixel Art by DiceBear: a picture of 16 by 16 large pixels.

It has no headscarf (such people are not drawn), no freckles and no moustache. At this size wavy
hair looks like straight hair, round glasses like square ones, and stubble is drawn as a beard.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from avatar.people.identity import EYE_COLORS, HAIR_COLORS, SKIN_TONES, Identity

from ._choice import CLOTHES as CLOTHES_COLORS
from ._choice import framing, of_person, paint, pick, pin

LONG = ("long03", "long07", "long09", "long13")

# Left out: mohawks, strands and receding hair (short05, 07, 12, 18, 20, 21, 23, 24), shaved sides,
# and hair that meets under the chin (long01, 12, 20): there it looks like a beard.
HAIR: Mapping[str, tuple[str | None, ...]] = {
    "bald": (None,),
    "buzz": ("short04",),
    "short_straight": ("short01", "short02", "short15", "short17"),
    "short_curly": ("short13",),
    "side_part": ("short03", "short09", "short10"),
    "afro": ("short11",),
    "bob": ("long04", "long16", "long21"),
    "long_straight": LONG,
    "long_wavy": LONG,
    "bun": ("long05",),
    "braids": ("long06", "long18", "long19"),
}

FULL = ("variant01", "variant07")
BEARDS: Mapping[str, tuple[str | None, ...]] = {
    "none": (None,),
    "stubble": FULL,
    "moustache": (None,),
    "goatee": ("variant02",),
    "full": FULL,
}

# Left out: frames so narrow that clear lenses look dark, and lenses without frames.
CLEAR = ("light05", "light06")
GLASSES: Mapping[str, tuple[str | None, ...]] = {
    "none": (None,),
    "round": CLEAR,
    "square": CLEAR,
    "sunglasses": ("dark05", "dark06"),
}

EARRINGS = ("variant01", "variant02", "variant03", "variant04")
EYES = ("variant01", "variant06", "variant07", "variant08", "variant09", "variant11")
MOUTHS = (
    "happy03",
    "happy06",
    "happy07",
    "happy08",
    "happy09",
    "happy10",
    "happy12",
    "sad05",
    "sad06",
)
CLOTHES = (
    "variant01",
    "variant02",
    "variant03",
    "variant05",
    "variant06",
    "variant08",
    "variant11",
    "variant12",
    "variant13",
    "variant14",
    "variant16",
    "variant23",
)


def options(identity: Identity, rng: np.random.Generator) -> dict[str, object]:
    """DiceBear options of one drawing; `rng` chooses eyes, mouth, clothes, background and flip."""
    earrings = of_person(identity, "earrings", EARRINGS) if identity.earrings == "yes" else None
    skin = SKIN_TONES[identity.skin_tone]
    return {
        **pin(
            hair=of_person(identity, "hair", HAIR[identity.hair_class]),
            beard=of_person(identity, "beard", BEARDS[identity.facial_hair]),
            glasses=of_person(identity, "glasses", GLASSES[identity.glasses]),
            accessories=earrings,
            hat=None,
            eyes=pick(rng, EYES),
            mouth=pick(rng, MOUTHS),
            clothes=pick(rng, CLOTHES),
        ),
        **paint(
            skin=skin,
            hair=HAIR_COLORS[identity.hair_color],
            eyes=EYE_COLORS[identity.eye_color],
            mouth="#b5473f",
            glasses="#191919",
            accessories="#ffd700",
            hat="#2663a3",
            clothing=pick(rng, CLOTHES_COLORS),
        ),
        **framing(rng),
        # No tilt and no zoom: pixels must stay on the grid.
        "rotate": 0,
        "scale": 1,
    }
