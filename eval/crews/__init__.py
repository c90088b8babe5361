"""Who does the tasks of an evaluation: this process, processes of this machine, or a Ray cluster.

This process alone is for what evaluates hundreds of times: nothing has to be loaded again, but a
crash ends everything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from eval.request import Request
from eval.tasks import Task

Tell = Callable[[str], None]
"""Hears what is begun."""


class Crew(Protocol):
    """Does tasks, in any order."""

    def add(self, *tasks: Task) -> None:
        """More to do; also while results are being read."""

    def results(self) -> Iterator[tuple[Task, Any]]:
        """What each task gave, as it is done, until there is none left: a `Crash` where what did it
        has died.

        Raises:
            What a task raised.
        """

    def peak_bytes(self) -> int:
        """Resident memory of everyone at most, what they share counted once; 0 where it is not this
        machine's."""

    def close(self) -> None:
        """Let everybody go."""


class Alone:
    """See `Crew`: this process, one task after the other."""

    def __init__(self, request: Request, tell: Tell = lambda text: None) -> None:
        from eval.bench import Bench

        self._bench, self._tell = Bench(request), tell
        self._waiting: deque[Task] = deque()

    def add(self, *tasks: Task) -> None:
        self._waiting.extend(tasks)

    def results(self) -> Iterator[tuple[Task, Any]]:
        while self._waiting:
            task = self._waiting.popleft()
            self._tell(task.about)
            yield task, task.perform(self._bench)

    def peak_bytes(self) -> int:
        return 0

    def close(self) -> None:
        """There is nobody else."""
