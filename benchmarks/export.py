"""Seconds and peak memory of an export, beside what is allowed.

    python -m benchmarks.export [coreml|onnx ...] [--checkpoint DIR]

Each format is exported by a process of its own into a temporary folder; its peak memory is that
process's largest resident set. Everything that the command does is measured, imports and the
comparison with PyTorch included. The table goes to stdout; exit code 1 where a limit is exceeded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from avatar import shipped
from support.command_line import GATE_FAILED, new_app, print_tables, run, say
from support.options import Checkpoint


class Format(StrEnum):
    """The formats that are exported."""

    COREML = "coreml"
    ONNX = "onnx"


LIMITS: dict[Format, tuple[float, float] | None] = {Format.COREML: (40.0, 3.0), Format.ONNX: None}
"""Seconds and gigabytes allowed on two cores; None where figures are for comparison only."""

app = new_app("Measure seconds and peak memory of an export.")


@dataclass(frozen=True, kw_only=True)
class Result:
    """One export: wall-clock and processor seconds; peak memory and artifact size in bytes."""

    format: Format
    seconds: float
    cpu_seconds: float
    peak: int
    size: int

    @property
    def within(self) -> bool:
        """Whether the format's limits were kept."""
        limit = LIMITS[self.format]
        return limit is None or (self.seconds <= limit[0] and self.peak <= limit[1] * 1e9)


def measure(format_: Format, checkpoint: Path) -> Result:
    """Export once. An export that fails has said why; its exit code becomes this command's."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / format_
        options = ["--checkpoint", str(checkpoint), "--out", str(out)]
        command = [sys.executable, "-m", "export", format_, *options]
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            say(f"{' '.join(command)} ended with exit code {process.returncode}")
            raise typer.Exit(process.returncode)
        files = (path for path in out.rglob("*") if path.is_file() and "golden" not in path.parts)
        return Result(
            format=format_,
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            # Linux counts kibibytes, macOS bytes.
            peak=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            size=sum(path.stat().st_size for path in files),
        )


def table(results: list[Result]) -> Table:
    """The results as a table, each beside its limits."""
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
            "within" if result.within else Text("exceeded", style="red"),
        )
    return made


@app.command()
def main(
    formats: Annotated[
        list[Format] | None,
        typer.Argument(
            metavar="[FORMAT]...",
            help="coreml, onnx; both where none is named.",
            show_default=False,
        ),
    ] = None,
    checkpoint: Checkpoint = shipped.CHECKPOINT,
) -> int:
    """Measure seconds and peak memory of an export; exit code 1 where a limit is exceeded."""
    results = [measure(format_, checkpoint) for format_ in formats or Format]
    print_tables(table(results))
    return 0 if all(result.within for result in results) else GATE_FAILED


if __name__ == "__main__":
    run(app, "python -m benchmarks.export", without_arguments=())
