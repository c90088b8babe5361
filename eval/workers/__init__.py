"""Who performs the tasks: this process, worker processes of this machine, or a Ray cluster.

Tasks come in, in any number and at any time; out come their outcomes as they are done. The figures
are the same whoever performs the tasks. `eval.workers.processes` and `eval.workers.cluster` have
doors of their own: they prepare processes, and Ray may not be installed.
"""

from __future__ import annotations

from eval.workers.protocol import ThisProcess, Workers

__all__ = ["ThisProcess", "Workers"]
