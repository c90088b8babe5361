"""The people to train on: folders of pictures come in, batches of tensors go out.

`TrainingData` is all that a stage asks of people. Made-up people (`MadeUpPeople`) and a team's own
(`OwnPeople`) both provide it, and so can any further source. `PairSampler` draws batches from it.
"""

from __future__ import annotations

from distillation.data.batches import PairSampler, augment, first_selfies, sample_selfies
from distillation.data.made_up_people import CLASS_COUNTS, HELD_OUT, MadeUpPeople, PngDrawing
from distillation.data.own_folder import OwnFolder, Person, read_folder, split, unreadable
from distillation.data.own_people import OwnPeople, open_own_people
from distillation.data.training_data import Drawing, TrainingData

__all__ = [
    "CLASS_COUNTS",
    "HELD_OUT",
    "Drawing",
    "MadeUpPeople",
    "OwnFolder",
    "OwnPeople",
    "PairSampler",
    "Person",
    "PngDrawing",
    "TrainingData",
    "augment",
    "first_selfies",
    "open_own_people",
    "read_folder",
    "sample_selfies",
    "split",
    "unreadable",
]
