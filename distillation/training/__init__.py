"""The training loop: a `Task` and a `Schedule` come in, a trained network and its `Record` go out.

`Run` trains any task in a folder, and resumes exactly from the last state that it finds there. It
knows nothing of avatars.
"""

from __future__ import annotations

from distillation.training.record import RECORD_FILE, Record, read_record
from distillation.training.run import Run
from distillation.training.schedule import Schedule
from distillation.training.task import Batch, Task, share, step_rng

__all__ = [
    "RECORD_FILE",
    "Batch",
    "Record",
    "Run",
    "Schedule",
    "Task",
    "read_record",
    "share",
    "step_rng",
]
