"""What a task raised, on its way to who asked for it."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass


@dataclass(frozen=True)
class Raised:
    """An error of another process; one that cannot travel becomes a RuntimeError with its
    traceback."""

    error: Exception

    @classmethod
    def of(cls, error: Exception) -> Raised:
        text = "".join(traceback.format_exception(error))
        try:
            same = pickle.loads(pickle.dumps(error))
        except Exception:
            return cls(RuntimeError(text))
        if not isinstance(same, type(error)):
            return cls(RuntimeError(text))
        error.add_note(text)
        return cls(error)
