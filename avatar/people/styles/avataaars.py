"""Avataaars by Pablo Stanley: flat shapes, front view, every attribute but freckles and earrings.

Its brows have no colour. A goatee is drawn as its lightest beard, and stubble as the same beard in
a colour halfway to the skin's.
"""

from __future__ import annotations

import numpy as np

from avatar.people.identity import HAIR_COLORS, SKIN_TONES, Identity

from ._choice import CLOTHES, blend, framing, of_person, paint, pick, pin

TOPS: dict[str, tuple[str | None, ...]] = {
    "bald": (None,),
    "buzz": ("theCaesar",),
    "short_straight": ("shortFlat", "shortRound"),
    "short_curly": ("dreads01", "shortCurly"),
    "side_part": ("shortWaved",),
    "afro": ("fro",),
    "bob": ("bob", "miaWallace"),
    "long_straight": ("straight01", "straight02", "straightAndStrand"),
    "long_wavy": ("curvy", "bigHair"),
    "bun": ("bun",),
    "braids": ("dreads",),
    "headscarf": ("hijab",),
}
FACIAL_HAIR: dict[str, tuple[str | None, ...]] = {
    "none": (None,),
    "stubble": ("beardLight",),
    "moustache": ("moustacheMagnum", "moustacheFancy"),
    "goatee": ("beardLight",),
    "full": ("beardMajestic", "beardMedium"),
}
GLASSES: dict[str, tuple[str | None, ...]] = {
    "none": (None,),
    "round": ("round",),
    "square": ("prescription02",),
    "sunglasses": ("wayfarers", "sunglasses"),
}
EYES = ("default", "default", "happy", "side", "squint", "closed", "wink")
BROWS = ("default", "defaultNatural", "raisedExcited", "raisedExcitedNatural", "flatNatural")
MOUTHS = ("smile", "smile", "twinkle", "default", "serious")
GARMENTS = (
    "blazerAndShirt",
    "blazerAndSweater",
    "collarAndSweater",
    "hoodie",
    "overall",
    "shirtCrewNeck",
    "shirtScoopNeck",
    "shirtVNeck",
)


def options(identity: Identity, rng: np.random.Generator) -> dict[str, object]:
    """DiceBear options of one drawing: the person by the identity, all else chosen by `rng`."""
    skin, hair = SKIN_TONES[identity.skin_tone], HAIR_COLORS[identity.hair_color]
    beard = blend(skin, hair, 0.4) if identity.facial_hair == "stubble" else hair
    chosen = pin(
        top=of_person(identity, "top", TOPS[identity.hair_class]),
        facialHair=of_person(identity, "facial hair", FACIAL_HAIR[identity.facial_hair]),
        accessories=of_person(identity, "glasses", GLASSES[identity.glasses]),
        nose="default",
        clothesGraphic=None,
        eyes=pick(rng, EYES),
        eyebrows=pick(rng, BROWS),
        mouth=pick(rng, MOUTHS),
        clothes=pick(rng, GARMENTS),
    )
    colors = paint(
        skin=skin,
        hair=hair,
        facialHair=beard,
        accessories="#262e33",
        clothes=pick(rng, CLOTHES),
        hat=pick(rng, CLOTHES),
    )
    return {**chosen, **colors, **framing(rng)}
