"""A runtime that ends its process, and tasks that use it, for worker processes."""

from __future__ import annotations

import gc
import os
import signal
import struct
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

from components import Runner
from eval.tasks import ArtifactRuntime, Task
from eval.tasks.workspace import Workspace
from export import runtimes
from export.runtimes.ort import Ort


class Dying(Ort):
    """ONNX Runtime, which dies where it loads a decoder."""

    def load(self, artifact: Path, component: str, threads: int = 0) -> Runner:
        if component == "decoder":
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().load(artifact, component, threads)


@dataclass(frozen=True)
class Sabotaged:
    """A task that finds the dying runtime under the name of ort."""

    task: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "task" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.task, name)

    def perform(self, workspace: Workspace) -> Any:
        known = {**runtimes.known(), "ort": Dying}
        with patch.object(runtimes, "known", lambda: known):
            return self.task.perform(workspace)


@dataclass(frozen=True, kw_only=True)
class Ends:
    """A task that ends its process by a signal, or gives its number."""

    number: int
    signal: int = 0
    needs: ArtifactRuntime | None = None
    about: str = "a test"

    def perform(self, workspace: Workspace) -> int:
        if self.signal:
            os.kill(os.getpid(), self.signal)
        return self.number


@dataclass(frozen=True, kw_only=True)
class Halts:
    """A task whose process dies while it sends its outcome."""

    needs: ArtifactRuntime | None = None
    about: str = "a test"

    def perform(self, workspace: Workspace) -> None:
        (pipe,) = (o for o in gc.get_objects() if isinstance(o, Connection) and o.writable)
        os.write(pipe.fileno(), struct.pack("!i", 1000) + b"half of it")
        os._exit(3)


@dataclass(frozen=True, kw_only=True)
class Raises:
    """A task that raises what it was given."""

    error: Exception
    needs: ArtifactRuntime | None = None
    about: str = "a test"

    def perform(self, workspace: Workspace) -> None:
        raise self.error


def sabotage(task: Task) -> Task:
    """The task with the dying runtime, if it is one of ort's."""
    return Sabotaged(task) if task.needs and task.needs.runtime == "ort" else task
