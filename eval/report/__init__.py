"""A report in every form that people and programs read.

A `Report` comes in; out come a page, a table on the terminal, JUnit XML for CI, and its comparison
with an earlier report. `eval.report.page` has a door of its own, because it imports matplotlib.
"""

from __future__ import annotations

from eval.report import baseline, junit, terminal
from eval.report.files import read, write
from eval.report.show import show

__all__ = ["baseline", "junit", "read", "show", "terminal", "write"]
