"""Worker processes of this machine: what kills one costs one task, and two cores do two tasks."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from eval.request import Request
from eval.tasks import ArtifactRuntime, Crash, Task
from eval.workers.raised import Raised
from support.progress import Progress, silent

METHOD = "forkserver" if sys.platform.startswith("linux") else "spawn"
"""Each worker is forked from a process that has only imported modules, which takes no time. Apple's
frameworks cannot be forked, and Windows cannot fork at all."""
PRELOADED = ["eval.workers.preload"]


def prepare() -> None:
    """Begin to import the libraries in another process, beside what comes before the first task."""
    if METHOD == "forkserver":
        from multiprocessing import forkserver

        multiprocessing.get_context(METHOD).set_forkserver_preload(PRELOADED)
        forkserver.ensure_running()


@dataclass(kw_only=True)
class Worker:
    """A worker process.

    Attributes:
        process: The process.
        pipe: The connection to it.
        task: What it is doing; None where it waits.
        loaded: The artifact in a runtime whose components it has loaded.
        peak: Its largest resident memory in bytes.
        shared: How much of that it shares with other processes.
    """

    process: BaseProcess
    pipe: Connection
    task: Task | None = None
    loaded: ArtifactRuntime | None = None
    peak: int = 0
    shared: int = 0


class WorkerProcesses:
    """See `Workers`."""

    def __init__(self, request: Request, count: int, progress: Progress = silent) -> None:
        """
        Args:
            request: What to evaluate.
            count: Number of processes at most, each with `request.threads` threads.
            progress: Hears which task is begun.

        Raises:
            SubjectError: An artifact or the checkpoint does not exist.
        """
        request.require_folders()
        prepare()
        self._context: Any = multiprocessing.get_context(METHOD)  # its base class lacks Process
        self._request, self._count, self._progress = request, count, progress
        self._waiting: list[Task] = []
        self._workers: list[Worker] = []
        self._earlier_peak = 0

    def add(self, *tasks: Task) -> None:
        self._waiting.extend(tasks)

    def results(self) -> Iterator[tuple[Task, Any]]:
        while self._waiting or any(worker.task for worker in self._workers):
            self._hand_out()
            busy = {worker.pipe: worker for worker in self._workers if worker.task}
            for pipe in wait(list(busy)):
                yield self._result(busy[pipe])  # type: ignore[index]

    def peak_bytes(self) -> int:
        own = sum(worker.peak - worker.shared for worker in self._workers)
        shared = max((worker.shared for worker in self._workers), default=0)
        return max(self._earlier_peak, own + shared)

    def close(self) -> None:
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            worker.process.join(timeout=10)
            worker.process.kill()
        self._workers = []

    def _hand_out(self) -> None:
        for worker in [worker for worker in self._workers if worker.task is None]:
            if self._waiting:
                self._give(worker)
        while self._waiting and len(self._workers) < self._count:
            self._workers.append(self._start())
            self._give(self._workers[-1])

    def _start(self) -> Worker:
        mine, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._request), daemon=True)
        process.start()
        theirs.close()
        return Worker(process=process, pipe=mine)

    def _give(self, worker: Worker) -> None:
        task = self._choose(worker)
        try:
            worker.pipe.send(task)
        except OSError:  # the process has died since its last task
            self._remove(worker)
            return
        self._progress(task.about)
        worker.task, worker.loaded = task, task.needs or worker.loaded
        self._waiting.remove(task)

    def _choose(self, worker: Worker) -> Task:
        """A task whose components the worker has loaded, else one that no other worker has."""
        taken = {other.loaded for other in self._workers if other is not worker}
        loaded = (task for task in self._waiting if task.needs in (None, worker.loaded))
        free = (task for task in self._waiting if task.needs not in taken)
        return next(loaded, None) or next(free, self._waiting[0])

    def _result(self, worker: Worker) -> tuple[Task, Any]:
        task = worker.task
        assert task is not None
        try:
            outcome, worker.peak, worker.shared = worker.pipe.recv()
        except (EOFError, OSError):  # it died before it answered, or in the middle
            return task, self._remove(worker)
        worker.task = None
        if isinstance(outcome, Raised):
            raise outcome.error
        return task, outcome

    def _remove(self, worker: Worker) -> Crash:
        """Remove a worker whose process died, and say why; the next task gets another one."""
        worker.process.join()
        self._earlier_peak = self.peak_bytes()
        self._workers.remove(worker)
        return Crash(reason=f"the process was {_end(worker.process.exitcode or 0)}")


def _end(code: int) -> str:
    if code >= 0:
        return f"gone with code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"killed by signal {-code}"


def _work(pipe: Connection, request: Request) -> None:
    """What a worker process runs."""
    # Imported there and not here, because it imports PyTorch.
    from eval.workers.worker import work

    work(pipe, request)
