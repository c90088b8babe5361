"""A Ray cluster: tasks go to any of its machines, and those of a machine that is lost are done
again on another.

Every machine needs this software in the same version, and Ray; nothing else has to be there.
Artifacts, checkpoint and recipes are sent to it once. What the reference gave is asked for, and
kept, at the machine that the evaluation was started on.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.bench import Bench
from eval.crews import Tell
from eval.crews.parcel import Parcel
from eval.crews.raised import Raised
from eval.errors import WorkerError
from eval.request import Request
from eval.store import Store, software
from eval.tasks import Crash, Task

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported: it tells nobody anything
import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

RETRIES = 3
"""How often a task is done again whose process or machine was lost. More often it is taken for the
runtime's own crash."""
PATIENCE = 60.0
"""Seconds without any result after which it is asked whether there still is a machine that works:
Ray would wait for new ones for ever."""
ROOMS = ("avatar", "components", "coreml_runtime", "eval", "export", "quantization")
LOCAL = Path(tempfile.gettempdir()) / "pocket-avatar-eval"
"""Where other machines keep what was sent."""


class Keeper:
    """The store of the machine that the evaluation was started on."""

    def __init__(self, folder: str) -> None:
        self._store = Store(Path(folder))

    def read(self, key: str) -> bytes | None:
        return self._store.read(key)

    def holds(self, key: str) -> bool:
        return self._store.holds(key)

    def write(self, key: str, data: bytes) -> None:
        self._store.write(key, data)


class Shared(Store):
    """A store of another machine; what it lacks is asked for at the keeper, what it makes or has is
    kept there too."""

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
    """What a machine must know before its first task. Paths of the request are this machine's
    where they were sent in parcels."""

    request: Request
    artifacts: tuple[Parcel, ...]
    checkpoint: Parcel
    recipes: tuple[Parcel, ...]
    software: str
    keeper: Any

    @property
    def key(self) -> str:
        parcels = (*self.artifacts, self.checkpoint, *self.recipes)
        return f"{self.request} {[parcel.digest for parcel in parcels]}"

    def bench(self) -> Bench:
        """Raises `WorkerError` where this machine has other software."""
        if software(ROOMS) != self.software:
            node = ray.util.get_node_ip_address()
            raise WorkerError(f"{node} has another version of this software; install the same one")
        request = replace(
            self.request,
            artifacts=tuple(parcel.unpack(LOCAL) for parcel in self.artifacts),
            checkpoint=self.checkpoint.unpack(LOCAL),
            recipes=tuple(parcel.unpack(LOCAL) for parcel in self.recipes),
            cache=LOCAL / "cache",
        )
        return Bench(request, Shared(request.cache, self.keeper))


_bench: tuple[str, Bench] | None = None
"""Of this process: Ray uses processes again."""


def perform(task: Task, setup: Setup) -> Any:
    """Do a task on whatever machine this is."""
    global _bench
    try:
        if _bench is None or _bench[0] != setup.key:
            _bench = setup.key, setup.bench()
        return task.perform(_bench[1])
    except Exception as error:
        return Raised.of(error)


class Cluster:
    """See `Crew`."""

    def __init__(self, request: Request, address: str, tell: Tell = lambda text: None) -> None:
        """`address` is HOST:PORT of the cluster's head, or `auto`; this machine must be of it.

        Raises:
            SubjectError: An artifact or the checkpoint is not there.
            WorkerError: There is no such cluster, or none of its machines is large enough.
        """
        request.require_folders()
        _connect(address, request.threads)
        self._tell, self._threads = tell, request.threads
        here = ray.get_runtime_context().get_node_id()
        strategy = NodeAffinitySchedulingStrategy(here, soft=False)
        keeper = ray.remote(Keeper).options(num_cpus=0, scheduling_strategy=strategy)
        setup = Setup(
            request=replace(request, names=tuple(map(request.name, range(len(request.artifacts))))),
            artifacts=tuple(map(Parcel.of, request.artifacts)),
            checkpoint=Parcel.of(request.checkpoint),
            recipes=tuple(Parcel.of(path) for path in request.recipes if path.exists()),
            software=software(ROOMS),
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
                yield task, self._result(done)
                self._tell(f"done: {task.about}")

    def peak_bytes(self) -> int:
        """Other machines' memory is theirs."""
        return 0

    def close(self) -> None:
        ray.shutdown()

    @staticmethod
    def _result(done: Any) -> Any:
        try:
            result = ray.get(done)
        except RayError as error:
            lines = str(error).strip().splitlines()
            return Crash(reason=f"{type(error).__name__}: {lines[0] if lines else ''}"[:300])
        if isinstance(result, Raised):
            raise result.error
        return result


def _connect(address: str, threads: int) -> None:
    try:
        _knock(address)
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
    """Raise `WorkerError` unless a machine of the cluster has CPUs for a task."""
    alive = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
    largest = max(alive, default=0)
    if largest < threads:
        raise WorkerError(f"no machine of the cluster has {threads} CPUs; {largest:g} at most")


def _knock(address: str) -> None:
    """Raise `OSError` or `ValueError` where nobody listens: Ray would end this process for it."""
    host, _, port = address.rpartition(":")
    if host and "//" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()
