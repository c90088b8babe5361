"""What all workers have in common, and the simplest of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

from eval.request import Request
from eval.tasks import Task
from support.progress import Progress, silent


class Workers(Protocol):
    """Perform tasks, in any order."""

    def add(self, *tasks: Task) -> None:
        """Add tasks; this is possible also while outcomes are being read."""

    def results(self) -> Iterator[tuple[Task, Any]]:
        """Yield each task with its outcome, as it is done, until no task is left.

        The outcome is a `Crash` if the process of the task died.

        Raises:
            Exception: What a task raised.
        """

    def peak_bytes(self) -> int:
        """The largest resident memory of all workers, where shared memory counts once.

        It is 0 where the memory is another machine's.
        """

    def close(self) -> None:
        """End all workers."""


class ThisProcess:
    """See `Workers`: this process performs one task after the other.

    Nothing has to be loaded again, which suits hundreds of evaluations, but a crash ends
    everything.
    """

    def __init__(self, request: Request, progress: Progress = silent) -> None:
        # Imported here because it imports PyTorch, which a process that only hands out tasks can do
        # without.
        from eval.tasks.workspace import Workspace

        self._workspace, self._progress = Workspace(request), progress
        self._waiting: deque[Task] = deque()

    def add(self, *tasks: Task) -> None:
        self._waiting.extend(tasks)

    def results(self) -> Iterator[tuple[Task, Any]]:
        while self._waiting:
            task = self._waiting.popleft()
            self._progress(task.about)
            yield task, task.perform(self._workspace)

    def peak_bytes(self) -> int:
        return 0

    def close(self) -> None:
        """There is nothing to end."""
