"""Processes that help another one, and end when it ends."""

from __future__ import annotations

import os
import threading
from multiprocessing import parent_process


def end_with_parent() -> None:
    """End this process as soon as the one that started it is gone, however that ended.

    An initializer for pools: a pool's processes outlive a parent that was killed, and would go on
    with what it had handed out.
    """
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="end with parent").start()
