"""One training loop for every network: accelerate, EMA, resumable to the step, a progress bar."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from diffusers.training_utils import EMAModel
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from distillation.errors import DivergedError, RunError
from support import atomic

log = logging.getLogger(__name__)

EXPLODED = 1e4
"""A loss above this never comes back; all losses here start below 10."""


LOG_EVERY = 50
"""Steps between two lines of the log where there is no terminal to draw a bar on."""


RECORD = "record.json"
"""File of a run's folder: its `Record` and its `Schedule`."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast. `ema_decay` 0 keeps no average; the rate decays as a half cosine."""

    steps: int
    batch: int
    learning_rate: float
    warmup: int = 100
    weight_decay: float = 0.01
    ema_decay: float = 0.995
    save_every: int = 200
    grid_every: int = 200
    seed: int = 0

    def rate(self, step: int) -> float:
        """Learning rate at `step`, as a share of `learning_rate`."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, step / self.steps))))


Batch = dict[str, Tensor]
"""What a task draws for one step, by name; rows of all tensors go by sample, or by person where
several samples share one."""


class Task(Protocol):
    """What is trained: a network, its batches, a loss, and a picture of how far it is."""

    @property
    def network(self) -> nn.Module: ...

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """One step's batch of about `batch` samples, on the CPU. All chance comes from `rng`."""
        ...

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Scalars of one step; "loss" is minimised. `batch` lies where `network` does; `progress`,
        in [0,1), is the share of the schedule that is done."""
        ...

    def grid(self) -> Image.Image:
        """A picture of what `network` does now that shows a person how far training is."""
        ...


@dataclass
class Record:
    """What a run has done so far; becomes part of the model card."""

    name: str = ""
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    device: str = ""
    before: dict[str, Any] | None = None
    """Record of the run whose weights this one started from."""
    people: int = 0
    """How many it was trained on."""
    own_data: bool = False
    """Whether it was trained on a team's own people instead of made-up ones."""

    def state_dict(self) -> dict[str, Any]:
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def step_rng(seed: int, step: int) -> np.random.Generator:
    """The random stream of one step: it does not depend on the steps before it, so a resumed run
    sees what an unbroken one would have seen."""
    return np.random.default_rng([seed, step])


def share(batch: Batch, rank: int, processes: int) -> Batch:
    """The rows of `batch` that process `rank` computes. Every process draws the whole batch, which
    is cheap, so that the samples of a step don't depend on how many processes there are.

    Raises `RunError` where the rows can't be shared equally: gradients would be weighed wrongly.
    """
    mine = {}
    for name, value in batch.items():
        if len(value) % processes:
            raise RunError(
                f"{len(value)} {name} a step can't be shared equally by {processes} processes; "
                "choose another --batch"
            )
        rows = len(value) // processes
        mine[name] = value[rank * rows : (rank + 1) * rows]
    return mine


def moved(value: Tensor, device: torch.device) -> Tensor:
    """A part of a batch on the device, channels last where it is pictures or latents."""
    layout = torch.channels_last if value.dim() == 4 else torch.preserve_format
    return value.to(device, memory_format=layout)


def read_record(folder: Path) -> dict[str, Any]:
    """What `Run` wrote of itself: the fields of `Record`, and its "schedule".

    Raises `RunError` where the folder has none.
    """
    try:
        return json.loads((folder / RECORD).read_text())
    except (OSError, ValueError) as error:
        raise RunError(f"{folder} holds no {RECORD} of a training run; train it first") from error


class Run:
    """A run in a folder: `state-NNNNNN/` to resume from, `grids/`, `logs/`, `record.json`.

    Under `accelerate launch` all its processes train one network, each on its share of a batch.
    """

    def __init__(self, task: Task, schedule: Schedule, folder: Path) -> None:
        self.task, self.schedule, self.folder = task, schedule, folder
        self.accelerator = Accelerator()
        torch.manual_seed(schedule.seed)
        # Convolutions are a fifth faster so, on CPUs and on tensor cores.
        task.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW(
            task.network.parameters(),
            lr=schedule.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=schedule.weight_decay,
        )
        self.network, self.optimizer = self.accelerator.prepare(task.network, optimizer)
        self.parameters = list(self.network.parameters())
        self.ema = EMAModel(self.parameters, decay=schedule.ema_decay, use_ema_warmup=False)
        self.record = Record(name=folder.name, device=str(self.accelerator.device))
        self.accelerator.register_for_checkpointing(self.ema, self.record)
        self.ahead = ThreadPoolExecutor(1)
        self.drawn: Future[Batch] | None = None

    def train(self) -> Record:
        """Train to the end of the schedule, from the last state if the folder has one.

        Leaves the task's network with its averaged weights. Of several processes only the main one
        returns: the others are done. Raises `DivergedError`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._resume()
        main = self.accelerator.is_main_process
        logs = str(self.folder / "logs")
        writer = SummaryWriter(logs, purge_step=self.record.step) if main else None
        with self._progress() as progress, self.ahead:
            bar = progress.add_task("", total=self.schedule.steps, completed=self.record.step)
            while self.record.step < self.schedule.steps:
                values = self._step()
                if writer and self.record.step % 10 == 0:
                    for name, value in values.items():
                        writer.add_scalar(name, value, self.record.step)
                rate = self.record.samples / max(self.record.seconds, 1e-9)
                text = " ".join(f"{name} {value:.3f}" for name, value in values.items())
                progress.update(bar, advance=1, description=f"{text} · {rate:.1f} samples/s")
                if (
                    writer
                    and not progress.console.is_terminal
                    and self.record.step % LOG_EVERY == 0
                ):
                    log.info("step %d: %s, %.1f samples/s", self.record.step, text, rate)
                self._keep(last=self.record.step == self.schedule.steps)
        self.accelerator.end_training()
        if writer is None:
            raise SystemExit(0)
        writer.close()
        if self.schedule.ema_decay:
            self.ema.copy_to(self.parameters)
        # Files hold tensors in the usual order.
        self.task.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self._write_record()
        return self.record

    def _step(self) -> dict[str, float]:
        start, schedule = time.perf_counter(), self.schedule
        step = self.record.step
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.learning_rate * schedule.rate(step)
        torch.manual_seed(schedule.seed * 1_000_003 + step)
        self.network.train()
        losses = self.task.losses(self.network, self._batch(step), step / schedule.steps)
        values = self._means(losses)
        if not values["loss"] < EXPLODED:
            raise DivergedError(
                f"step {step}: the loss is {values['loss']}; the last good state is in "
                f"{self.folder}, try a lower --learning-rate"
            )
        self.accelerator.backward(losses["loss"])
        self.accelerator.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if schedule.ema_decay:
            self.ema.decay = min(schedule.ema_decay, (1 + step) / (10 + step))
            self.ema.step(self.parameters)
        self.record.step += 1
        self.record.samples += schedule.batch
        self.record.seconds += time.perf_counter() - start
        return values

    def _draw(self, step: int) -> Batch:
        return self.task.draw(step_rng(self.schedule.seed, step), self.schedule.batch)

    def _batch(self, step: int) -> Batch:
        """This process's share of a step's batch, where the network lies. The next step's is drawn
        beside the computing: its chance is its own."""
        accelerator = self.accelerator
        batch = self.drawn.result() if self.drawn else self._draw(step)
        self.drawn = self.ahead.submit(self._draw, step + 1)
        mine = share(batch, accelerator.process_index, accelerator.num_processes)
        return {name: moved(value, accelerator.device) for name, value in mine.items()}

    def _means(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Each loss, averaged over the processes: all stop together where one diverges."""
        stacked = torch.stack([value.detach().float() for value in losses.values()])
        means = self.accelerator.reduce(stacked, reduction="mean")
        return dict(zip(losses, means.tolist(), strict=True))

    def _keep(self, *, last: bool) -> None:
        if not self.accelerator.is_main_process:
            return  # all processes hold the same weights
        if last or self.record.step % self.schedule.save_every == 0:
            self._save()
        if last or self.record.step % self.schedule.grid_every == 0:
            self._draw_grid()

    def _save(self) -> None:
        """Write the state beside its place and rename it there: a kill leaves the one before."""
        final = self.folder / f"state-{self.record.step:06d}"
        partial = self.folder / "state.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self.accelerator.save_state(str(partial))
        shutil.rmtree(final, ignore_errors=True)
        os.replace(partial, final)
        for old in self.folder.glob("state-*"):
            if old != final:
                shutil.rmtree(old)
        self._write_record()

    def _resume(self) -> None:
        states = sorted(self.folder.glob("state-*"))
        if not states:
            return
        try:
            self.accelerator.load_state(str(states[-1]))
        except (RuntimeError, KeyError, OSError) as error:
            raise RunError(
                f"{states[-1]} does not fit this training ({str(error).splitlines()[0]}); "
                "choose another --out or remove the folder"
            ) from error
        self.ema.to(self.accelerator.device)
        log.info("resumed at step %d from %s", self.record.step, states[-1])

    def _draw_grid(self) -> None:
        self.ema.store(self.parameters)
        if self.schedule.ema_decay:
            self.ema.copy_to(self.parameters)
        self.network.eval()
        with torch.inference_mode():
            picture = self.task.grid()
        self.ema.restore(self.parameters)
        target = self.folder / "grids" / f"{self.record.step:06d}.png"
        target.parent.mkdir(exist_ok=True)
        picture.save(target)

    def _write_record(self) -> None:
        record = {**asdict(self.record), "schedule": asdict(self.schedule)}
        atomic.write(self.folder / RECORD, f"{json.dumps(record, indent=2)}\n".encode())

    def _progress(self) -> Progress:
        columns = (
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
        )
        quiet = not self.accelerator.is_main_process
        return Progress(*columns, console=Console(stderr=True, quiet=quiet))
