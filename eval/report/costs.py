"""The costs of artifacts in each runtime, as a table on the terminal."""

from __future__ import annotations

from statistics import median

from rich.table import Table

from eval.report import words
from eval.schema import RUN, Cost, Report
from support.sizes import size


def table(report: Report) -> Table:
    """Seconds, memory and size in each runtime, beside PyTorch's in the same evaluation."""
    made = Table(title="cost", title_justify="left")
    for name in ("runtime", "component"):
        made.add_column(name, no_wrap=True)
    for name in ("load s", "cold s", "warm s", "× PyTorch", "memory", "size", "GMAC", "moved"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("artifact", overflow="fold")
    for cost in report.costs:
        name = words.drawn(cost) if cost.component == RUN else cost.component
        made.add_row(cost.runtime, name, *_cells(cost), cost.artifact)
    return made


def _cells(cost: Cost) -> tuple[str, ...]:
    return (
        f"{cost.load:.2f}" if cost.component != RUN else "",
        f"{cost.cold:.3f}",
        f"{median(cost.warm):.3f}",
        "" if cost.ratio is None else f"{cost.ratio:.2f}",
        "" if cost.peak_bytes is None else size(cost.peak_bytes),
        size(cost.file_bytes) if cost.file_bytes else "",
        "" if cost.gmac is None else f"{cost.gmac:.2f}",
        "" if cost.moved_bytes is None else size(cost.moved_bytes),
    )
