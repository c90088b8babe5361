"""Made-up people: a seed comes in; attributes, selfies and drawings of one person go out.

`identity` holds a person's attributes, `renderer` renders their selfies, `styles` draws them,
`shards` writes people to disk and reads them back, and `contact_sheet` shows eight of them at once.
`renderer` has a door of its own, because it compiles when it is imported.
"""

from __future__ import annotations

from avatar.people.identity import (
    ATTRIBUTES,
    DISTRIBUTIONS,
    EYE_COLORS,
    HAIR_COLORS,
    SHAPE_ATTRIBUTES,
    SKIN_TONES,
    Identity,
    sample_identity,
)
from avatar.people.shards import SELFIE_SEEDS, PersonRecord, read_shards, write_shards
from avatar.people.styles import (
    STYLES,
    DesignerStyle,
    can_draw,
    draw,
    draw_options,
    drawn_labels,
    merged_classes,
    style_named,
)

__all__ = [
    "ATTRIBUTES",
    "DISTRIBUTIONS",
    "EYE_COLORS",
    "HAIR_COLORS",
    "SELFIE_SEEDS",
    "SHAPE_ATTRIBUTES",
    "SKIN_TONES",
    "STYLES",
    "DesignerStyle",
    "Identity",
    "PersonRecord",
    "can_draw",
    "draw",
    "draw_options",
    "drawn_labels",
    "merged_classes",
    "read_shards",
    "sample_identity",
    "style_named",
    "write_shards",
]
