"""Selfie files to the model's input, and the rules that a selfie must keep.

Paths of picture files come in; prepared selfies (n,3,S,S) float32 in [0,1] go out, and a
refusal for each rule that a selfie breaks. `faces` finds faces where OpenCV is installed.
"""

from __future__ import annotations

from avatar.selfies.faces import Detector, detector, find_faces
from avatar.selfies.photos import read_photo, read_photos, stack_photos
from avatar.selfies.picture_file import check_header, open_upright, to_srgb
from avatar.selfies.preparation import (
    MAX_SELFIES,
    SELFIE_SIZE,
    prepare_selfie,
    read_selfie,
    read_selfies,
    resize,
)
from avatar.selfies.refusal_text import measures_table, refusal_lines
from avatar.selfies.rules import (
    RULES,
    Face,
    Photo,
    Refusal,
    Rule,
    difference,
    measures,
    nearest,
    refusals_of,
    rules_for,
    rules_from_dicts,
    rules_to_dicts,
)

__all__ = [
    "MAX_SELFIES",
    "RULES",
    "SELFIE_SIZE",
    "Detector",
    "Face",
    "Photo",
    "Refusal",
    "Rule",
    "check_header",
    "detector",
    "difference",
    "find_faces",
    "measures",
    "measures_table",
    "nearest",
    "open_upright",
    "prepare_selfie",
    "read_photo",
    "read_photos",
    "read_selfie",
    "read_selfies",
    "refusal_lines",
    "refusals_of",
    "resize",
    "rules_for",
    "rules_from_dicts",
    "rules_to_dicts",
    "stack_photos",
    "to_srgb",
]
