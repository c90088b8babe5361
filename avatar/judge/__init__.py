"""The judge: a small network that reads style and attributes off a picture, and scores from that.

Pictures come in; `judge_images` gives the probability of each class of each attribute. `scores` and
`scorecard` turn the readings of many pictures into accuracy, retrieval, distance and diversity.
"""

from __future__ import annotations

from avatar.judge.network import (
    CLASS_COUNTS,
    KINDS,
    SIZE,
    Judge,
    Judgement,
    contrasts,
    judge_images,
    load_judge,
)
from avatar.judge.scorecard import AvatarTable, Scorer, Scores
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
    "AvatarTable",
    "Judge",
    "Judgement",
    "Scorer",
    "Scores",
    "attributes_right",
    "contrasts",
    "diversity",
    "frechet_distance",
    "judge_images",
    "load_judge",
    "retrieval",
    "same_person",
]
