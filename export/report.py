"""The report of an export as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from support.sizes import size

if TYPE_CHECKING:
    # Imports PyTorch, which takes seconds; a page that names sizes needs none.
    from export.check import Row


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
            "[green]passed[/]" if row.passed else "[red]failed[/]",
        )
    return made
