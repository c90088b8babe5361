"""What a run has done so far, as it lies in the run's folder and becomes part of a model card."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distillation.errors import RunError
from distillation.training.schedule import Schedule
from support import atomic

RECORD_FILE = "record.json"
"""File in a run's folder: the fields of its `Record`, and its `Schedule` under "schedule"."""


@dataclass
class Record:
    """What a run has done so far.

    Attributes:
        name: Name of the run's folder.
        step: Optimiser steps done.
        samples: Samples seen.
        seconds: Time of the steps themselves.
        device: Device in PyTorch's words.
        before: Record of the run whose weights this one started from.
        people: Number of people trained on.
        own_data: Whether they are a team's own people and not made-up ones.
    """

    name: str = ""
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    device: str = ""
    before: dict[str, Any] | None = None
    people: int = 0
    own_data: bool = False

    def state_dict(self) -> dict[str, Any]:
        """Plain values, as accelerate saves them."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over saved values, as accelerate loads them."""
        self.__dict__.update(state)


def write_record(record: Record, schedule: Schedule, folder: Path) -> None:
    """Write `record.json` into a run's folder in one step."""
    values = {**asdict(record), "schedule": asdict(schedule)}
    atomic.write(folder / RECORD_FILE, f"{json.dumps(values, indent=2)}\n".encode())


def read_record(folder: Path) -> dict[str, Any]:
    """Read `record.json`: the fields of `Record`, and the schedule's under "schedule".

    Raises:
        RunError: The folder has none.
    """
    try:
        return json.loads((folder / RECORD_FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise RunError(
            f"{folder} holds no {RECORD_FILE} of a training run; train it first"
        ) from error
