"""Seconds and peak memory of an export, beside what is allowed.

    python -m benchmarks.export [coreml|onnx ...] [--checkpoint DIR]

Each format is exported in a process of its own into a temporary folder; its peak memory is that
process's largest resident set. What is measured is everything the command does, imports and the
check against PyTorch included. The table goes to stdout; exit code 1 when a limit is exceeded.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

# On two cores: seconds and gigabytes. ONNX has no limit of its own; its figures are for comparison.
LIMITS: dict[str, tuple[float, float] | None] = {"coreml": (40.0, 3.0), "onnx": None}


@dataclass(frozen=True, kw_only=True)
class Result:
    """One export: wall-clock and processor seconds, peak memory and artifact size in bytes."""

    format: str
    seconds: float
    cpu_seconds: float
    peak: int
    size: int

    @property
    def within(self) -> bool:
        """Whether the format's limits were kept."""
        limit = LIMITS[self.format]
        return limit is None or (self.seconds <= limit[0] and self.peak <= limit[1] * 1e9)


def measure(format_name: str, checkpoint: str | None) -> Result:
    """Export once. Raises `SystemExit` with the export's own message when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / format_name
        command = [sys.executable, "-m", "export", format_name, "--out", str(out)]
        command += ["--checkpoint", checkpoint] if checkpoint else []
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}")
        files = (path for path in out.rglob("*") if path.is_file() and "golden" not in path.parts)
        return Result(
            format=format_name,
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            # Linux counts kibibytes, macOS bytes.
            peak=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            size=sum(path.stat().st_size for path in files),
        )


def table(results: list[Result]) -> Table:
    """The results beside their limits."""
    made = Table(title=f"export on {os.cpu_count()} cores", title_justify="left")
    for name in ("format", "seconds", "CPU seconds", "peak memory", "artifact", "allowed", ""):
        made.add_column(name, justify="left" if name in ("format", "") else "right")
    for result in results:
        limit = LIMITS[result.format]
        made.add_row(
            result.format,
            f"{result.seconds:.1f}",
            f"{result.cpu_seconds:.1f}",
            f"{result.peak / 1e9:.2f} GB",
            f"{result.size / 1e6:.1f} MB",
            f"{limit[0]:.0f} s, {limit[1]:.0f} GB" if limit else "",
            "within" if result.within else "[red]exceeded[/]",
        )
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "formats", nargs="*", default=list(LIMITS), help="which formats (default: all)"
    )
    parser.add_argument("--checkpoint", help="checkpoint folder (default: the shipped one)")
    arguments = parser.parse_args()
    results = [measure(name, arguments.checkpoint) for name in arguments.formats]
    Console(width=None if sys.stdout.isatty() else 110).print(table(results))
    return 0 if all(result.within for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
