"""A process of this machine that does tasks. Importing this imports all that they need."""

from __future__ import annotations

import signal
from multiprocessing.connection import Connection

import eval.__main__
import eval.opening
import eval.programs.coreml
import eval.programs.onnx
import eval.programs.ort
import eval.programs.ort_model
import eval.whole  # noqa: F401
import export.coreml.run
import export.onnx.run  # noqa: F401
from eval import memory
from eval.bench import Bench
from eval.crews.raised import Raised
from eval.request import Request


def work(pipe: Connection, request: Request) -> None:
    """Do what comes out of the pipe; what it gave goes back, with the memory needed so far and how
    much of it others have too."""
    # Ctrl-C reaches everyone at the terminal; whoever handed out the work ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    bench = Bench(request)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            result = task.perform(bench)
        except Exception as error:
            result = Raised.of(error)
        pipe.send((result, memory.largest(), memory.shared()))
