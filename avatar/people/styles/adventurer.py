"""Adventurer by Lisa Wischofsky: a big head without a body, three quarters from the left.

It has no headscarf. Its only facial hair is a moustache, which is in the same component as the
freckles, so a drawing shows one of the two.
"""

from __future__ import annotations

import numpy as np

from avatar.people.identity import HAIR_COLORS, SKIN_TONES, Identity

from ._choice import framing, of_person, paint, pick, pin

HAIR: dict[str, tuple[str | None, ...]] = {
    "bald": (None,),
    "buzz": ("short04",),
    "short_straight": ("short01", "short14"),
    "short_curly": ("short17", "short18"),
    "side_part": ("short10", "short11"),
    "afro": ("short03",),
    "bob": ("long01", "long21"),
    "long_straight": ("long04", "long07"),
    "long_wavy": ("long06", "long22", "long17"),
    "bun": ("long10", "long11", "long19"),
    "braids": ("long16",),
}
# Earrings are part of the hair in this style, so a bald head has none.
NO_EARRINGS = frozenset({"bald", "bob", "long_straight", "long_wavy"})
GLASSES: dict[str, str | None] = {
    "none": None,
    "round": "variant04",
    "square": "variant02",
    "sunglasses": "variant01",
}
EYES = tuple(f"variant{i:02}" for i in (1, 2, 3, 4, 15, 16, 18, 19, 20, 24, 25, 26))
BROWS = tuple(f"variant{i:02}" for i in (6, 7, 8, 9, 10, 11, 12, 13, 15))
MOUTHS = tuple(f"variant{i:02}" for i in (1, 2, 9, 22, 23, 25, 26, 27, 28, 29, 30))


def _details(identity: Identity) -> str | None:
    if identity.facial_hair == "moustache":
        return "mustache"
    return "freckles" if identity.freckles == "yes" else None


def _earrings(identity: Identity) -> str | None:
    if identity.earrings == "no" or identity.hair_class in NO_EARRINGS:
        return None
    return of_person(identity, "earrings", ("variant02", "variant01"))


def options(identity: Identity, rng: np.random.Generator) -> dict[str, object]:
    """DiceBear options of one drawing: the person by the identity, all else chosen by `rng`."""
    chosen = pin(
        head="default",
        hair=of_person(identity, "hair", HAIR[identity.hair_class]),
        glasses=GLASSES[identity.glasses],
        details=_details(identity),
        earrings=_earrings(identity),
        eyes=pick(rng, EYES),
        eyebrows=pick(rng, BROWS),
        mouth=pick(rng, MOUTHS),
    )
    colors = paint(
        skin=SKIN_TONES[identity.skin_tone],
        hair=HAIR_COLORS[identity.hair_color],
        ink="#000000",
        eyes="#000000",
        earrings="#000000",
        glasses="#000000",
        sclera="#ffffff",
        teeth="#ffffff",
        lips="#d31e1e",
        throat="#8f2e45",
        tongue="#ea869e",
        uvula="#d32020",
    )
    return {**chosen, **colors, **framing(rng, tilt=8.0)}
