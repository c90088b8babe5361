"""A worker process of this machine. Importing this imports everything that tasks need."""

from __future__ import annotations

import signal
from multiprocessing.connection import Connection

import support.command_line  # noqa: F401 (with avatar.shipped, what python -m eval itself imports)
from eval.graphs import load_readers
from eval.metrics import memory
from eval.request import Request
from eval.tasks.workspace import Workspace
from eval.workers.raised import Raised

load_readers()


def work(pipe: Connection, request: Request) -> None:
    """Perform the tasks that come out of a pipe, until it is closed.

    Back go the outcome, the largest memory so far in bytes, and how much of it is shared.
    """
    # Ctrl-C reaches every process at the terminal; the one that handed out the work ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    workspace = Workspace(request)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            outcome = task.perform(workspace)
        except Exception as error:
            outcome = Raised.of(error)
        pipe.send((outcome, memory.largest(), memory.shared()))
