"""How much memory a piece of work needs at most."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_ROLLUP = Path("/proc/self/smaps_rollup")
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


def shared() -> int:
    """Bytes resident now that other processes have mapped too, as a forked one and the one it was
    forked from have; 0 where the system does not tell."""
    return _sum(_ROLLUP, "Shared_Clean", "Shared_Dirty")


def _status(name: str) -> int:
    return _sum(_STATUS, name)


def _sum(path: Path, *names: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    fields = (line.partition(":") for line in lines)
    return sum(int(rest.split()[0]) * 1024 for name, _, rest in fields if name in names)
