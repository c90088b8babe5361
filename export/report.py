"""The report of an export: its rows, and a table of them for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from support.sizes import size

FINAL_IMAGE = "final image"
"""Name of the row about a whole run."""
ANCHOR = "anchor"
"""Name of the row that compares the reference with the library's own pipeline."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report.

    Attributes:
        name: The component's name, `FINAL_IMAGE` or `ANCHOR`.
        runtime: Name of the runtime that executed it.
        ops: Operations in the program; None for the whole run.
        size: Bytes of its files; None for the whole run.
        seconds: Seconds that its conversion took; None where nothing was converted.
        psnr: Worst PSNR against the reference over all cases, in dB.
        snr: Worst SNR, in dB.
        floor: PSNR that it must reach, in dB.
    """

    name: str
    runtime: str
    ops: int | None = None
    size: int | None = None
    seconds: float | None = None
    psnr: float
    snr: float
    floor: float

    @property
    def passed(self) -> bool:
        """Whether the floor was reached; a PSNR that is NaN reaches none."""
        return self.psnr >= self.floor


def table(rows: Sequence[Row]) -> Table:
    """A table with a row for each component in each runtime, and one for each final image."""
    made = Table(title="against PyTorch", title_justify="left")
    made.add_column("component")
    made.add_column("runtime")
    for name in ("ops", "size", "seconds", "PSNR dB", "SNR dB", "needed"):
        made.add_column(name, justify="right")
    made.add_column("")
    for row in rows:
        made.add_row(
            row.name,
            row.runtime,
            "" if row.ops is None else str(row.ops),
            "" if row.size is None else size(row.size),
            "" if row.seconds is None else f"{row.seconds:.1f}",
            f"{row.psnr:.1f}",
            f"{row.snr:.1f}",
            f"{row.floor:.0f}",
            Text("passed", "green") if row.passed else Text("failed", "red"),
        )
    return made
