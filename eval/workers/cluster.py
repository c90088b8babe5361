"""A Ray cluster: tasks go to any of its machines; those of a lost machine are repeated on another.

Every machine needs Ray and this software in the same version, and nothing else. Artifacts,
checkpoint and recipes are sent to it once. What the reference has computed is kept on the machine
on which the evaluation was started; the others ask for it there.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.errors import WorkerError
from eval.reference import ArrayCache
from eval.request import Request
from eval.tasks import EVALUATED_BY, Crash, Task
from eval.tasks.workspace import Workspace
from eval.workers.bundle import FileBundle
from eval.workers.raised import Raised
from support.progress import Progress, silent
from support.version import code_digest

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported, so that it sends nothing
import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

RETRIES = 3
"""How often a task is repeated whose process or machine was lost. If that does not suffice, it
counts as a crash of the runtime."""
PATIENCE = 60.0
"""Seconds without any outcome after which the cluster is asked whether a machine is left: Ray would
wait for new machines for ever."""
LOCAL = Path(tempfile.gettempdir()) / "pocket-avatar-eval"
"""Where other machines keep what was sent to them."""


class CacheKeeper:
    """The cache of the machine on which the evaluation was started, for the other machines."""

    def __init__(self, folder: str) -> None:
        self._cache = ArrayCache(Path(folder))

    def read(self, key: str) -> bytes | None:
        return self._cache.read(key)

    def holds(self, key: str) -> bool:
        return self._cache.holds(key)

    def write(self, key: str, data: bytes) -> None:
        self._cache.write(key, data)


class SharedCache(ArrayCache):
    """The cache of another machine, which shares all arrays with the keeper."""

    def __init__(self, folder: Path, keeper: Any) -> None:
        super().__init__(folder)
        self._keeper = keeper

    def holds(self, key: str) -> bool:
        return super().holds(key) or ray.get(self._keeper.holds.remote(key))

    def read(self, key: str) -> bytes | None:
        held = super().read(key)
        if held is None:
            held = ray.get(self._keeper.read.remote(key))
            if held is not None:
                super().write(key, held)
        elif not ray.get(self._keeper.holds.remote(key)):  # left here by another evaluation
            ray.get(self._keeper.write.remote(key, held))
        return held

    def write(self, key: str, data: bytes) -> None:
        super().write(key, data)
        ray.get(self._keeper.write.remote(key, data))


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a machine must know before its first task.

    Attributes:
        request: What to evaluate, with the paths of the machine that started the evaluation.
        artifacts, checkpoint, recipes, selfies: Their files.
        software: Digest of the code, which must be the same on all machines.
        keeper: Ray's handle of the `CacheKeeper`.
    """

    request: Request
    artifacts: tuple[FileBundle, ...]
    checkpoint: FileBundle
    recipes: tuple[FileBundle, ...]
    selfies: FileBundle | None
    software: str
    keeper: Any

    @property
    def key(self) -> str:
        own = () if self.selfies is None else (self.selfies,)
        bundles = (*self.artifacts, self.checkpoint, *self.recipes, *own)
        return f"{self.request} {[bundle.digest for bundle in bundles]}"

    def workspace(self) -> Workspace:
        """The workspace of a process on this machine.

        Raises:
            WorkerError: This machine has another version of the software.
        """
        if code_digest(EVALUATED_BY) != self.software:
            node = ray.util.get_node_ip_address()
            raise WorkerError(f"{node} has another version of this software; install the same one")
        request = replace(
            self.request,
            artifacts=tuple(bundle.unpack(LOCAL) for bundle in self.artifacts),
            checkpoint=self.checkpoint.unpack(LOCAL),
            recipes=tuple(bundle.unpack(LOCAL) for bundle in self.recipes),
            selfies=self.selfies.unpack(LOCAL) if self.selfies else None,
            cache=LOCAL / "cache",
        )
        return Workspace(request, SharedCache(request.cache, self.keeper))


_workspace: tuple[str, Workspace] | None = None
"""The workspace of this process and its key: Ray uses a process for several tasks."""


def perform(task: Task, setup: Setup) -> Any:
    """Perform a task on whatever machine this is."""
    global _workspace
    try:
        if _workspace is None or _workspace[0] != setup.key:
            _workspace = setup.key, setup.workspace()
        return task.perform(_workspace[1])
    except Exception as error:
        return Raised.of(error)


class RayCluster:
    """See `Workers`."""

    def __init__(self, request: Request, address: str, progress: Progress = silent) -> None:
        """
        Args:
            request: What to evaluate.
            address: HOST:PORT of the cluster's head, or `auto`; this machine must belong to it.
            progress: Hears which task is done.

        Raises:
            SubjectError: An artifact or the checkpoint does not exist.
            WorkerError: There is no such cluster, or none of its machines is large enough.
        """
        request.require_folders()
        _connect(address, request.threads)
        self._progress, self._threads = progress, request.threads
        here = ray.get_runtime_context().get_node_id()
        strategy = NodeAffinitySchedulingStrategy(here, soft=False)
        keeper = ray.remote(CacheKeeper).options(num_cpus=0, scheduling_strategy=strategy)
        setup = Setup(
            request=replace(request, names=tuple(map(request.name, range(len(request.artifacts))))),
            artifacts=tuple(map(FileBundle.of, request.artifacts)),
            checkpoint=FileBundle.of(request.checkpoint),
            recipes=tuple(FileBundle.of(path) for path in request.recipes if path.exists()),
            selfies=FileBundle.of(request.selfies) if request.selfies else None,
            software=code_digest(EVALUATED_BY),
            keeper=keeper.remote(str(request.cache.resolve())),
        )
        self._setup = ray.put(setup)
        self._perform = ray.remote(perform).options(
            num_cpus=request.threads, max_retries=RETRIES, scheduling_strategy="SPREAD"
        )
        self._running: dict[Any, Task] = {}

    def add(self, *tasks: Task) -> None:
        for task in tasks:
            self._running[self._perform.remote(task, self._setup)] = task

    def results(self) -> Iterator[tuple[Task, Any]]:
        while self._running:
            finished, _ = ray.wait(list(self._running), num_returns=1, timeout=PATIENCE)
            if not finished:
                _require_machine(self._threads)
            for done in finished:
                task = self._running.pop(done)
                yield task, self._outcome(done)
                self._progress(f"done: {task.about}")

    def peak_bytes(self) -> int:
        """The memory of other machines is not counted."""
        return 0

    def close(self) -> None:
        ray.shutdown()

    @staticmethod
    def _outcome(done: Any) -> Any:
        try:
            outcome = ray.get(done)
        except RayError as error:
            lines = str(error).strip().splitlines()
            return Crash(reason=f"{type(error).__name__}: {lines[0] if lines else ''}"[:300])
        if isinstance(outcome, Raised):
            raise outcome.error
        return outcome


def _connect(address: str, threads: int) -> None:
    try:
        _require_listener(address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError, RayError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WorkerError(f"there is no Ray cluster at {address}: {reason}") from None
    try:
        _require_machine(threads)
    except WorkerError:
        ray.shutdown()
        raise


def _require_machine(threads: int) -> None:
    """Raise `WorkerError` unless a machine of the cluster has enough CPUs for a task."""
    alive = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
    largest = max(alive, default=0)
    if largest < threads:
        raise WorkerError(f"no machine of the cluster has {threads} CPUs; {largest:g} at most")


def _require_listener(address: str) -> None:
    """Raise `OSError` or `ValueError` if nothing listens there; Ray would end this process."""
    host, _, port = address.rpartition(":")
    if host and "//" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()
