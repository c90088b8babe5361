"""One training loop for every network: accelerate, averaged weights, resumable to the step."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from diffusers.training_utils import EMAModel
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from distillation.errors import DivergedError, RunError
from distillation.training.record import Record, write_record
from distillation.training.schedule import Schedule
from distillation.training.task import Batch, Task, on_device, share, step_rng
from support import atomic
from support.progress import Progress, silent
from support.publish import locked

log = logging.getLogger(__name__)

EXPLODED = 1e4
"""A loss above this never recovers; all losses here start below 10."""

LOG_EVERY = 50
"""Steps between two lines of the log where stderr is not a terminal that shows a bar."""

CURVE_EVERY = 10
"""Steps between two points of the curves in TensorBoard."""


class Run:
    """A training run in a folder.

    The folder holds `state-NNNNNN/` to resume from, pictures in `grids/`, TensorBoard's curves in
    `logs/`, and `record.json`. Under `accelerate launch` all processes train one network, each on
    its share of every batch.
    """

    def __init__(self, task: Task, schedule: Schedule, folder: Path) -> None:
        """Prepare optimiser and averages; nothing is read or written before `train`."""
        self.task, self.schedule, self.folder = task, schedule, folder
        self.accelerator = Accelerator()
        torch.manual_seed(schedule.seed)
        # Convolutions are a fifth faster in this layout, on CPUs and on tensor cores.
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
        self._worker = ThreadPoolExecutor(1)
        self._next_batch: Future[Batch] | None = None

    def train(self, progress: Progress = silent) -> Record:
        """Train to the end of the schedule, from the last state if the folder has one.

        Leaves the task's network with its averaged weights. Of several processes only the main one
        returns; the others exit.

        Raises:
            DivergedError: The loss is not a number, or it exploded.
            RunError: The state in the folder is of another network.
        """
        main = self.accelerator.is_main_process
        waiting = f"another run trains in {self.folder}; waiting for it"
        with locked(self.folder, lambda: progress(waiting)) if main else nullcontext():
            self.accelerator.wait_for_everyone()  # the others wait for the main one's lock
            return self._train(progress)

    def _train(self, progress: Progress) -> Record:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._resume()
        main = self.accelerator.is_main_process
        logs = str(self.folder / "logs")
        writer = SummaryWriter(logs, purge_step=self.record.step) if main else None
        with self._worker:
            while self.record.step < self.schedule.steps:
                losses = self._step()
                if writer:
                    self._tell(losses, writer, progress)
                self._keep(last=self.record.step == self.schedule.steps)
        self.accelerator.end_training()
        if writer is None:
            raise SystemExit(0)
        writer.close()
        if self.schedule.ema_decay:
            self.ema.copy_to(self.parameters)
        # Checkpoints hold tensors in the usual order of axes.
        self.task.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        write_record(self.record, self.schedule, self.folder)
        return self.record

    def _step(self) -> dict[str, float]:
        """One optimiser step; returns the losses, averaged over the processes."""
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

    def _tell(self, losses: dict[str, float], writer: SummaryWriter, progress: Progress) -> None:
        """Report the losses of the step that was just done."""
        step = self.record.step
        if step % CURVE_EVERY == 0:
            for name, value in losses.items():
                writer.add_scalar(name, value, step)
        rate = self.record.samples / max(self.record.seconds, 1e-9)
        text = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
        progress(f"{text} · {rate:.1f} samples/s", step, self.schedule.steps)
        if not sys.stderr.isatty() and step % LOG_EVERY == 0:
            log.info("step %d: %s, %.1f samples/s", step, text, rate)

    def _sample(self, step: int) -> Batch:
        return self.task.sample(step_rng(self.schedule.seed, step), self.schedule.batch)

    def _batch(self, step: int) -> Batch:
        """This process's share of a step's batch, on the network's device.

        The next step's batch is sampled in a thread during this step; each step has its own random
        generator, so the order of sampling does not matter.
        """
        accelerator = self.accelerator
        batch = self._next_batch.result() if self._next_batch else self._sample(step)
        self._next_batch = self._worker.submit(self._sample, step + 1)
        mine = share(batch, accelerator.process_index, accelerator.num_processes)
        return {name: on_device(value, accelerator.device) for name, value in mine.items()}

    def _means(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Each loss averaged over the processes, so that all stop together where one diverges."""
        stacked = torch.stack([value.detach().float() for value in losses.values()])
        means = self.accelerator.reduce(stacked, reduction="mean")
        return dict(zip(losses, means.tolist(), strict=True))

    def _keep(self, *, last: bool) -> None:
        """Save a state and a picture where they are due; all processes hold the same weights."""
        if not self.accelerator.is_main_process:
            return
        if last or self.record.step % self.schedule.save_every == 0:
            self._save()
        if last or self.record.step % self.schedule.grid_every == 0:
            self._save_grid()

    def _save(self) -> None:
        """Save the state in one step, then remove older ones: a kill leaves at least one whole."""
        final = self.folder / f"state-{self.record.step:06d}"
        partial = self.folder / "state.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self.accelerator.save_state(str(partial))
        atomic.swap_in(partial, final)
        shutil.rmtree(partial, ignore_errors=True)  # a state of the same step, exchanged for ours
        for old in self.folder.glob("state-*"):
            if old != final:
                shutil.rmtree(old)
        write_record(self.record, self.schedule, self.folder)

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

    def _save_grid(self) -> None:
        """Save the task's picture, made with the averaged weights."""
        self.ema.store(self.parameters)
        if self.schedule.ema_decay:
            self.ema.copy_to(self.parameters)
        self.network.eval()
        with torch.inference_mode():
            picture = self.task.grid()
        self.ema.restore(self.parameters)
        with atomic.replacing(self.folder / "grids" / f"{self.record.step:06d}.png") as partial:
            picture.save(partial, format="PNG")
