"""How much memory a piece of work needs at most."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""Linux, `proc(5)`: sets the peak back to what is resident now."""


_largest = 0
"""The largest peak that `reset` made the system forget."""


def reset() -> bool:
    """Forget the peak so far; whether this system can. Others only know the whole process'."""
    global _largest
    _largest = max(_largest, peak())
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def resident() -> int:
    """Bytes resident now; 0 where the system does not tell."""
    return _status("VmRSS")


def peak() -> int:
    """Largest number of bytes resident since the last `reset`, or since the process began."""
    found = _status("VmHWM")
    if found or sys.platform == "win32":
        return found
    import resource  # Windows has none

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def largest() -> int:
    """Largest number of bytes resident since the process began."""
    return max(_largest, peak())


def _status(name: str) -> int:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return 0
    found = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(next(found, 0)) * 1024
