"""Training under `accelerate launch`: the number of processes changes nothing but the time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from avatar.people import write_shards
from distillation.errors import RunError
from distillation.training import share

SCRIPT = Path(__file__).with_name("teacher_on_processes.py")


def launched(processes: int, people: Path, out: Path) -> tuple[float, dict[str, torch.Tensor]]:
    """The last loss, and the weights after ten steps."""
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_machines=1"]
    counted = [f"--num_processes={processes}", "--mixed_precision=no", "--dynamo_backend=no"]
    finished = subprocess.run(
        [*launch, *counted, "--main_process_port=0", str(SCRIPT), str(people), str(out)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    events = EventAccumulator(str(out / "logs"))
    events.Reload()
    (last,) = events.Scalars("loss")
    return last.value, load_file(out / "state-000010" / "model.safetensors")


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    write_shards(tmp_path / "people", 4, seed=7, selfies=2, avatars=1, workers=1)
    loss, weights = launched(1, tmp_path / "people", tmp_path / "one")
    loss_of_two, weights_of_two = launched(2, tmp_path / "people", tmp_path / "two")
    np.testing.assert_allclose(loss_of_two, loss, rtol=1e-4)
    for name, value in weights.items():
        np.testing.assert_allclose(weights_of_two[name], value, atol=2e-4, err_msg=name)


def test_processes_share_a_batch_row_by_row() -> None:
    batch = {"people": torch.arange(4), "avatars": torch.arange(16)}
    shares = [share(batch, rank, 2) for rank in range(2)]
    for name, value in batch.items():
        assert torch.equal(torch.cat([mine[name] for mine in shares]), value)
    with pytest.raises(RunError, match="4 people a step can't be shared equally by 3 processes"):
        share(batch, 0, 3)
