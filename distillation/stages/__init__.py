"""One file for each stage of training: people and earlier runs come in, a checkpoint goes out.

A stage is one function `train_NAME(people, held_out, schedule, out, …)`; only the judge takes no
held-out people. It trains in the folder `out`, resumes what it finds there, and writes
`out/checkpoint`. The order is autoencoder, identity, teacher, a smaller teacher where wanted,
student; the judge and `tune` need no other stage.
"""

from __future__ import annotations

from distillation.stages.autoencoder import held_out_psnr, train_autoencoder
from distillation.stages.identity import train_identity
from distillation.stages.judge import train_judge
from distillation.stages.shrink import train_smaller
from distillation.stages.student import train_student
from distillation.stages.teacher import train_teacher
from distillation.stages.tune import Tuned, tune

__all__ = [
    "Tuned",
    "held_out_psnr",
    "train_autoencoder",
    "train_identity",
    "train_judge",
    "train_smaller",
    "train_student",
    "train_teacher",
    "tune",
]
