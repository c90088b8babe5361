"""Which cases an evaluation has.

A mode comes in, with the checkpoint's styles and sampler tables; out come people, numbers of
selfies, styles and seeds. `eval.cases.plan` chooses them; it has a door of its own because it looks
at people, which takes a moment to import.
"""

from __future__ import annotations

from eval.cases.case import Cases, RunCase, SelfieSet
from eval.cases.modes import MODES, Mode

__all__ = ["MODES", "Cases", "Mode", "RunCase", "SelfieSet"]
