"""The judge: a small network that reads style and attributes off a picture, and scores from that.

Pictures come in; `look_at` says how likely each class of each attribute is. `scores` and
`scorecard` turn the readings of a whole set into accuracy, retrieval, distance and diversity.
"""

from __future__ import annotations

from avatar.judge.network import (
    CLASS_COUNTS,
    KINDS,
    SIZE,
    Judge,
    Judgement,
    contrasts,
    load_judge,
    look_at,
)
from avatar.judge.scorecard import Asked, Examiner, Scores
from avatar.judge.scores import (
    attributes_right,
    diversity,
    frechet_distance,
    retrieval,
    same_person,
)

__all__ = [
    "CLASS_COUNTS",
    "KINDS",
    "SIZE",
    "Asked",
    "Examiner",
    "Judge",
    "Judgement",
    "Scores",
    "attributes_right",
    "contrasts",
    "diversity",
    "frechet_distance",
    "load_judge",
    "look_at",
    "retrieval",
    "same_person",
]
