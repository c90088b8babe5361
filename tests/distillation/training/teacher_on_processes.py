"""A script for `accelerate launch`: trains a small teacher for a few steps on people in a folder.

teacher_on_processes.py PEOPLE OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from avatar.model import Decoder, Denoiser, IdentityEncoder
from distillation.data import MadeUpPeople
from distillation.stages.teacher import TeacherTask
from distillation.training import Run, Schedule

people = MadeUpPeople(Path(sys.argv[1]), Path(sys.argv[1]))
torch.manual_seed(0)
task = TeacherTask(
    Denoiser(widths=(16, 32), embedding_width=32, style_width=16),
    IdentityEncoder(widths=(8, 8, 16), feature_width=32),
    people,
    torch.randn(len(people.drawings), 8, 32, 32),
    people,
    Decoder(widths=(16, 16, 16), blocks=(1, 1, 1), output_width=4),
)
Run(
    task, Schedule(steps=10, batch=16, learning_rate=1e-3, grid_every=100), Path(sys.argv[2])
).train()
