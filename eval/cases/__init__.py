"""Which cases an evaluation has.

A mode comes in, which says how much is measured; out come runs. `RunCase` and `Cases` are what the
cases of every kind of pipeline have in common; each kind in `eval.pipelines` chooses its own.
"""

from __future__ import annotations

from eval.cases.case import Cases, RunCase
from eval.cases.modes import MODES, Mode

__all__ = ["MODES", "Cases", "Mode", "RunCase"]
