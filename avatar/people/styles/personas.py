"""Personas by Draftbit: heads and shoulders, with fourteen of its twenty haircuts.

It has no headscarf (such people are not drawn), no freckles and no earrings, and one pair of
glasses. Its only sign of age is deep wrinkles beside the nose.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from avatar.people.identity import HAIR_COLORS, SKIN_TONES, Identity

from ._choice import CLOTHES as CLOTHES_COLORS
from ._choice import framing, of_person, paint, pick, pin

SHORT = ("fade", "shortCombover", "shortComboverChops")
LONG = ("long", "extraLong")

# Left out: beanie and cap (hats), mohawk, sideShave, balding.
HAIR: Mapping[str, tuple[str, ...]] = {
    "bald": ("bald",),
    "buzz": ("buzzcut",),
    "short_straight": SHORT,
    "short_curly": ("curlyHighTop",),
    "side_part": SHORT,
    "afro": ("curly",),
    "bob": ("bobBangs", "bobCut"),
    "long_straight": LONG,
    "long_wavy": LONG,
    "bun": ("bunUndercut", "curlyBun", "straightBun"),
    "braids": ("pigtails",),
}

BEARDS: Mapping[str, tuple[str | None, ...]] = {
    "none": (None,),
    "stubble": ("shadow",),
    "moustache": ("pyramid", "walrus"),
    "goatee": ("goatee",),
    "full": ("beardMustache",),
}

# The style has glasses as a variant of the eyes.
EYES: Mapping[str, tuple[str, ...]] = {
    "none": ("open", "open", "happy"),
    "round": ("glasses",),
    "square": ("glasses",),
    "sunglasses": ("sunglasses",),
}

# Left out: pacifier, surprise, frown, and lips (painted ones).
MOUTHS = ("bigSmile", "smile", "smirk")
NOSES = ("mediumRound", "smallRound")
CLOTHES = ("checkered", "rounded", "small", "squared")
SHADOW = "#000000"


def options(identity: Identity, rng: np.random.Generator) -> dict[str, object]:
    """DiceBear options of one drawing; `rng` chooses eyes, mouth, clothes and framing."""
    nose = "wrinkles" if identity.age == "old" else of_person(identity, "nose", NOSES)
    hair = HAIR_COLORS[identity.hair_color]
    # A buzz cut and stubble are shadows of 20 % opacity, visible only in black.
    return {
        **pin(
            hair=of_person(identity, "hair", HAIR[identity.hair_class]),
            facialHair=of_person(identity, "beard", BEARDS[identity.facial_hair]),
            nose=nose,
            eyes=pick(rng, EYES[identity.glasses]),
            mouth=pick(rng, MOUTHS),
            clothes=pick(rng, CLOTHES),
        ),
        **paint(
            skin=SKIN_TONES[identity.skin_tone],
            hair=SHADOW if identity.hair_class == "buzz" else hair,
            facialHair=SHADOW if identity.facial_hair == "stubble" else hair,
            clothing=pick(rng, CLOTHES_COLORS),
        ),
        **framing(rng),
    }
