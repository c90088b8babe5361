"""The largest memory that this process has needed."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_ROLLUP = Path("/proc/self/smaps_rollup")
_RESET_PEAK = "5"
"""Linux, `proc(5)`: sets the peak back to what is resident now."""


_largest = 0
"""The largest peak before the last `reset`, in bytes."""


def reset() -> bool:
    """Start to measure the peak anew.

    Returns:
        Whether this system can; others only know the peak since the process began.
    """
    global _largest
    _largest = max(_largest, peak())
    try:
        _CLEAR.write_bytes(_RESET_PEAK.encode())
    except OSError:
        return False
    return True


def resident() -> int:
    """Bytes that are resident now; 0 where the system does not tell."""
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


def shared() -> int:
    """Bytes that are resident now and that other processes have mapped too; 0 where unknown.

    A forked process shares its memory with the one that it was forked from.
    """
    return _sum(_ROLLUP, "Shared_Clean", "Shared_Dirty")


def _status(name: str) -> int:
    return _sum(_STATUS, name)


def _sum(path: Path, *names: str) -> int:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    fields = (line.partition(":") for line in lines)
    return sum(int(rest.split()[0]) * 1024 for name, _, rest in fields if name in names)
