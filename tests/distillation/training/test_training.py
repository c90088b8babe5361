"""The training loop, on a task that runs to the end in a second."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from distillation.errors import DivergedError, RunError
from distillation.publish import records
from distillation.training import Batch, Run, Schedule, read_record, step_rng

SCHEDULE = Schedule(steps=30, batch=16, learning_rate=0.1, warmup=3, save_every=10, grid_every=15)


class LineTask:
    """Find the slope 3 and the offset -1 of a noisy line."""

    def __init__(self, width: int = 1, *, poison: int | None = None) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = nn.Linear(width, 1)
        self.poison, self.calls = poison, 0

    def sample(self, rng: np.random.Generator, batch: int) -> Batch:
        return {"x": torch.from_numpy(rng.standard_normal((batch, 1), np.float32))}

    def losses(self, network: nn.Module, batch: Batch, done: float) -> dict[str, Tensor]:
        x = batch["x"]
        noise = 0.01 * torch.randn_like(x)  # from torch's own stream: it must resume too
        loss = (network(x) - (3 * x - 1 + noise)).square().mean()
        self.calls += 1
        return {"loss": loss * (float("nan") if self.calls == self.poison else 1.0)}

    def grid(self) -> Image.Image:
        return Image.new("RGB", (8, 8))


def weights(task: LineTask) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for p in task.network.parameters()])


def test_it_learns_and_leaves_a_record(tmp_path: Path) -> None:
    task = LineTask()
    record = Run(task, replace(SCHEDULE, steps=200, ema_decay=0), tmp_path).train()
    np.testing.assert_allclose(weights(task), [3, -1], atol=0.05)
    assert (record.step, record.samples) == (200, 3200) and record.seconds > 0
    written = json.loads((tmp_path / "record.json").read_text())
    assert written["step"] == 200 and written["schedule"]["batch"] == 16
    assert (tmp_path / "grids" / "000200.png").is_file()
    assert [path.name for path in tmp_path.glob("state-*")] == ["state-000200"]


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    whole, broken, resumed = LineTask(), LineTask(poison=27), LineTask()
    Run(whole, SCHEDULE, tmp_path / "whole").train()
    with pytest.raises(DivergedError, match="step 26"):
        Run(broken, SCHEDULE, tmp_path / "broken").train()
    assert (tmp_path / "broken" / "state-000020").is_dir(), "the last good state is kept"
    record = Run(resumed, SCHEDULE, tmp_path / "broken").train()
    assert (record.step, record.samples, resumed.calls) == (30, 30 * 16, 10)
    np.testing.assert_array_equal(weights(resumed), weights(whole))


def test_a_finished_run_does_nothing_more(tmp_path: Path) -> None:
    first, second = LineTask(), LineTask()
    Run(first, SCHEDULE, tmp_path).train()
    Run(second, SCHEDULE, tmp_path).train()
    assert second.calls == 0
    np.testing.assert_array_equal(weights(second), weights(first))


def test_half_a_state_is_not_resumed_from(tmp_path: Path) -> None:
    (tmp_path / "state.partial").mkdir()
    (tmp_path / "state.partial" / "model.safetensors").write_bytes(b"cut")
    task = LineTask()
    assert Run(task, SCHEDULE, tmp_path).train().step == 30


def test_another_network_in_the_folder_is_one_clear_error(tmp_path: Path) -> None:
    Run(LineTask(), SCHEDULE, tmp_path).train()
    with pytest.raises(RunError, match="choose another --out"):
        Run(LineTask(width=2), replace(SCHEDULE, steps=40), tmp_path).train()


def test_the_rate_warms_up_and_decays() -> None:
    rates = [SCHEDULE.rate(step) for step in range(SCHEDULE.steps)]
    assert rates[0] == pytest.approx(1 / 3) and max(rates) == rates[2]
    assert all(a > b for a, b in pairwise(rates[3:])) and rates[-1] < 0.05


def test_steps_have_streams_of_their_own() -> None:
    draws = {float(step_rng(seed, step).random()) for seed in range(3) for step in range(50)}
    assert len(draws) == 150
    assert step_rng(1, 2).random() == step_rng(1, 2).random()


def test_the_card_tells_of_the_runs_before_the_last_one(tmp_path: Path) -> None:
    Run(LineTask(), SCHEDULE, tmp_path / "first").train()
    second = Run(LineTask(), replace(SCHEDULE, steps=4), tmp_path / "second")
    second.record.before = read_record(tmp_path / "first")
    second.train()
    resumed = Run(LineTask(), replace(SCHEDULE, steps=6), tmp_path / "second")
    resumed.train()
    told = records(tmp_path / "second")
    assert [(run["name"], run["step"]) for run in told] == [("first", 30), ("second", 6)]
    with pytest.raises(RunError, match="nowhere holds no record"):
        records(tmp_path / "nowhere")
