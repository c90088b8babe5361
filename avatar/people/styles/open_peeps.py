"""Open Peeps by Pablo Stanley: ink lines, head turned to the right.

Its hair has a colour of its own (see `_remix`). It has no freckles and no earrings. A person with
stubble is drawn shaven.
"""

from __future__ import annotations

import numpy as np

from avatar.people.identity import HAIR_COLORS, SKIN_TONES, Identity

from ._choice import CLOTHES, framing, of_person, paint, pick, pin

HEADS: dict[str, tuple[str, ...]] = {
    "bald": ("noHair1",),
    "buzz": ("short1", "short2"),
    "short_straight": ("grayShort", "short5"),
    "short_curly": ("twists", "twists2", "dreads2"),
    "side_part": ("pomp", "short4"),
    "afro": ("afro",),
    "bob": ("bangs", "bangs2", "medium1"),
    "long_straight": ("medium3", "long"),
    "long_wavy": ("longCurly", "longBangs"),
    "bun": ("grayBun", "bun2", "bun"),
    "braids": ("cornrows2",),
    "headscarf": ("hijab",),
}
FACIAL_HAIR: dict[str, tuple[str | None, ...]] = {
    "none": (None,),
    "stubble": (None,),
    "moustache": ("moustache5", "moustache6", "moustache7"),
    "goatee": ("goatee1", "goatee2"),
    "full": ("full", "full2", "full3", "full4"),
}
GLASSES: dict[str, tuple[str | None, ...]] = {
    "none": (None,),
    "round": ("glasses2", "glasses5"),
    "square": ("glasses3", "glasses"),
    "sunglasses": ("sunglasses", "sunglasses2"),
}
EXPRESSIONS = (
    "smile",
    "smile",
    "calm",
    "cute",
    "driven",
    "explaining",
    "serious",
    "smileBig",
    "smileTeethGap",
    "solemn",
    "cheeky",
)


def options(identity: Identity, rng: np.random.Generator) -> dict[str, object]:
    """DiceBear options of one drawing: the person by the identity, all else chosen by `rng`."""
    chosen = pin(
        head=of_person(identity, "head", HEADS[identity.hair_class]),
        facialHair=of_person(identity, "facial hair", FACIAL_HAIR[identity.facial_hair]),
        accessories=of_person(identity, "glasses", GLASSES[identity.glasses]),
        mask=None,
        expression=pick(rng, EXPRESSIONS),
    )
    colors = paint(
        skin=SKIN_TONES[identity.skin_tone],
        headContrast=HAIR_COLORS[identity.hair_color],
        ink="#000000",
        clothing=pick(rng, CLOTHES),
    )
    return {**chosen, **colors, **framing(rng)}
