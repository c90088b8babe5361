"""An exception that a task raised, on its way to the process that handed out the task."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass


@dataclass(frozen=True)
class Raised:
    """An exception of another process."""

    error: Exception

    @classmethod
    def of(cls, error: Exception) -> Raised:
        """The exception with its traceback as a note.

        One that cannot be pickled becomes a `RuntimeError` with the traceback as its message.
        """
        text = "".join(traceback.format_exception(error))
        try:
            same = pickle.loads(pickle.dumps(error))
        except Exception:
            return cls(RuntimeError(text))
        if not isinstance(same, type(error)):
            return cls(RuntimeError(text))
        error.add_note(text)
        return cls(error)
