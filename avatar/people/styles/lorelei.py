"""Lorelei by Lisa Wischofsky: black lines, large heads.

The style numbers its 48 haircuts; here they are sorted by what they look like. It has no headscarf
(such people are not drawn), and full beards are its only facial hair. Braids are drawn as two low
bunches, the most similar haircut.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from avatar.people.identity import HAIR_COLORS, SKIN_TONES, Identity

from ._choice import framing, of_person, paint, pick, pin, shade

# Left out: 25 (half bald), 27 (a mohawk), and cuts between two classes. 34 has lost its tuft.
HAIR: Mapping[str, tuple[str, ...]] = {
    "bald": ("variant34",),
    "buzz": ("variant28", "variant47"),
    "short_straight": ("variant02", "variant04", "variant06", "variant43"),
    "short_curly": ("variant09", "variant22", "variant39", "variant44"),
    "side_part": ("variant01", "variant03", "variant08"),
    "afro": ("variant05",),
    "bob": ("variant13", "variant19", "variant23"),
    "long_straight": ("variant15", "variant21", "variant40"),
    "long_wavy": ("variant24", "variant35"),
    "bun": ("variant14", "variant38", "variant46"),
    "braids": ("variant30",),
}

BEARDS: Mapping[str, tuple[str | None, ...]] = {
    "none": (None,),
    "stubble": (None,),
    "moustache": (None,),
    "goatee": ("variant01", "variant02"),
    "full": ("variant01", "variant02"),
}

GLASSES: Mapping[str, tuple[str | None, ...]] = {
    "none": (None,),
    "round": ("variant01",),
    "square": ("variant03", "variant04"),
    "sunglasses": ("variant02",),
}

HEADS = ("variant01", "variant02", "variant03", "variant04")
NOSES = ("variant01", "variant02", "variant03", "variant04", "variant05", "variant06")
THIN_BROWS = ("variant02", "variant05", "variant07", "variant09", "variant12")
THICK_BROWS = ("variant03", "variant10")

# Open or laughing eyes; left out: hearts, dots, winks, squints and rolled eyes.
EYES = (
    "variant02",
    "variant04",
    "variant06",
    "variant10",
    "variant12",
    "variant14",
    "variant19",
    "variant20",
    "variant24",
)
# Left out: tongues, drool, fangs, bared teeth and cries.
MOUTHS = (
    "happy01",
    "happy02",
    "happy03",
    "happy04",
    "happy05",
    "happy06",
    "happy10",
    "sad05",
    "sad09",
)

DARK_SKINS = ("tone_6", "tone_7", "tone_8")
DARKEST_SKINS = ("tone_7", "tone_8")
INK = "#000000"
GOLD = "#e8b84a"
HIGHLIGHT = "#b98a6f"


def options(identity: Identity, rng: np.random.Generator) -> dict[str, object]:
    """DiceBear options of one drawing; `rng` chooses eyes, mouth and framing."""
    brows = THICK_BROWS if identity.brow_thickness > 0.6 else THIN_BROWS
    return {
        **pin(
            hair=of_person(identity, "hair", HAIR[identity.hair_class]),
            beard=of_person(identity, "beard", BEARDS[identity.facial_hair]),
            glasses=of_person(identity, "glasses", GLASSES[identity.glasses]),
            freckles="variant01" if identity.freckles == "yes" else None,
            # Most hair would cover the other earrings.
            earrings="variant01" if identity.earrings == "yes" else None,
            hairAccessories=None,
            head=of_person(identity, "head", HEADS),
            nose=of_person(identity, "nose", NOSES),
            eyebrows=of_person(identity, "brows", brows),
            eyes=pick(rng, EYES),
            mouth=pick(rng, MOUTHS),
        ),
        **_colors(identity),
        **framing(rng),
    }


def _colors(identity: Identity) -> dict[str, object]:
    """Colours of lines: black, or light where black would not be visible on dark skin."""
    skin, hair = SKIN_TONES[identity.skin_tone], HAIR_COLORS[identity.hair_color]
    dark = identity.skin_tone in DARK_SKINS
    features = HIGHLIGHT if identity.skin_tone in DARKEST_SKINS else INK
    frames = GOLD if dark and identity.glasses != "sunglasses" else INK
    return paint(
        skin=skin,
        hair=hair,
        eyebrows=shade(hair, 0.8),
        freckles=HIGHLIGHT if dark else shade(skin, 0.5),
        earrings=GOLD if dark else INK,
        glasses=frames,
        outline=INK,
        eyes=INK,
        mouth=features,
        nose=features,
        hairAccessories=INK,
    )
