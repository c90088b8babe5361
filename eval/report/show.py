"""A report shown on the terminal."""

from __future__ import annotations

from eval.report import costs, terminal
from eval.schema import Report
from support.command_line import GATE_FAILED, print_tables, say


def show(report: Report, page: str = "") -> int:
    """Print what artifacts cost, what was found, and the verdict.

    Args:
        report: The report.
        page: Path of the HTML page, to name it; empty where none was written.

    Returns:
        The exit code: 0, or 1 where a gate failed.
    """
    print_tables(costs.table(report), terminal.render(report, page))
    seconds, peak = report.environment.seconds, report.environment.peak_bytes
    say(f"{seconds:.0f} s, {peak / 1e9:.1f} GB at most")
    return 0 if report.passed else GATE_FAILED
