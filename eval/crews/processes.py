"""Processes of this machine: what kills one costs one task, and two cores do two tasks."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from eval.crews import Tell
from eval.crews.raised import Raised
from eval.request import Request
from eval.tasks import Crash, Task

METHOD = "forkserver" if sys.platform.startswith("linux") else "spawn"
"""A process that has only imported is forked for each worker, in no time. Apple's frameworks cannot
be forked; Windows cannot fork at all."""
PRELOADED = ["eval.crews.preload"]


def prepare() -> None:
    """Let the libraries be imported beside what comes before the first task."""
    if METHOD == "forkserver":
        from multiprocessing import forkserver

        multiprocessing.get_context(METHOD).set_forkserver_preload(PRELOADED)
        forkserver.ensure_running()


@dataclass(kw_only=True)
class Worker:
    """A process, what it is doing, and whose components it has loaded."""

    process: BaseProcess
    pipe: Connection
    task: Task | None = None
    at: tuple[int, str] | None = None
    peak: int = 0
    shared: int = 0


class Processes:
    """See `Crew`."""

    def __init__(self, request: Request, count: int, tell: Tell = lambda text: None) -> None:
        """`count` processes at most, each of `request.threads` threads.

        Raises:
            SubjectError: An artifact or the checkpoint is not there.
        """
        request.require_folders()
        prepare()
        self._context: Any = multiprocessing.get_context(METHOD)  # its base class lacks Process
        self._request, self._count, self._tell = request, count, tell
        self._waiting: list[Task] = []
        self._workers: list[Worker] = []
        self._fallen_peak = 0

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
        return max(self._fallen_peak, own + shared)

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
            self._workers.append(self._new())
            self._give(self._workers[-1])

    def _new(self) -> Worker:
        mine, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._request), daemon=True)
        process.start()
        theirs.close()
        return Worker(process=process, pipe=mine)

    def _give(self, worker: Worker) -> None:
        task = self._choose(worker)
        try:
            worker.pipe.send(task)
        except OSError:  # it has died since its last task
            self._buried(worker)
            return
        self._tell(task.about)
        worker.task, worker.at = task, task.at or worker.at
        self._waiting.remove(task)

    def _choose(self, worker: Worker) -> Task:
        """What it has loaded already; else what nobody else has."""
        taken = {other.at for other in self._workers if other is not worker}
        mine = (task for task in self._waiting if task.at in (None, worker.at))
        free = (task for task in self._waiting if task.at not in taken)
        return next(mine, None) or next(free, self._waiting[0])

    def _result(self, worker: Worker) -> tuple[Task, Any]:
        task = worker.task
        assert task is not None
        try:
            result, worker.peak, worker.shared = worker.pipe.recv()
        except (EOFError, OSError):  # before it said anything, or in the middle
            return task, self._buried(worker)
        worker.task = None
        if isinstance(result, Raised):
            raise result.error
        return task, result

    def _buried(self, worker: Worker) -> Crash:
        """Why a process has died; the next task gets another one."""
        worker.process.join()
        self._fallen_peak = self.peak_bytes()
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
    from eval.crews.worker import work

    work(pipe, request)
