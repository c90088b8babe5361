"""A checkpoint with changes: single files, LoRAs, swapped parts, another size or pipeline.

In comes what a user names on the command line; out comes one checkpoint folder that every room
takes like any other, with `overlay.json`, which says what was done.
"""

from components.overlay.assembly import overlaid
from components.overlay.changes import (
    MOST_PICTURES,
    PREDICTIONS,
    Changes,
    Lora,
    parse_loras,
    parse_size,
    parse_steps,
)
from components.overlay.record import Change, Overlay, licence_of, overlay_of

__all__ = [
    "MOST_PICTURES",
    "PREDICTIONS",
    "Change",
    "Changes",
    "Lora",
    "Overlay",
    "licence_of",
    "overlaid",
    "overlay_of",
    "parse_loras",
    "parse_size",
    "parse_steps",
]
