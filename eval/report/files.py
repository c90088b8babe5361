"""A report written in all of its forms, and read again."""

from __future__ import annotations

from pathlib import Path

from eval.errors import ReportError
from eval.report import junit
from eval.schema import Report
from support import atomic
from support.found_files import file_instead


def write(report: Report, folder: Path) -> Path:
    """Write `report.json`, `report.html` and `junit.xml` into a folder.

    Returns:
        The path of the page.
    """
    from eval.report import page  # imports matplotlib, which reading a report does without

    atomic.write(folder / "report.json", report.dump())
    path = page.write(report, folder)
    atomic.write(folder / "junit.xml", junit.dump(report, str(path)))
    return path


def read(path: Path) -> Report:
    """Read a `report.json`.

    Raises:
        ReportError: The file cannot be read, or it is no report.
    """
    try:
        return Report.parse(path.read_bytes())
    except OSError as error:
        reason = f"{path} cannot be read: {error.strerror or error}"
        raise ReportError(other(path) or reason) from None
    except ReportError as error:
        raise ReportError(other(path) or f"{path}: {error}") from None


def other(path: Path) -> str | None:
    """What lies at a path, in a line, where it cannot be a `report.json`."""
    return file_instead(path, name="report.json", expected="the report of an evaluation (JSON)")
