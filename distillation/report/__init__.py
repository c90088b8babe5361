"""The report on teacher and student: checkpoints and held-out people in, figures and a page out.

`generation` makes avatars and has the judge read them, `cost` measures what they take, and
`comparison` joins both into a `Report`, which `tables` and `page` show. `ceiling` says how good the
judge itself is.
"""

from __future__ import annotations

from distillation.report.ceiling import (
    ceiling_table,
    judge_ceiling,
    read_ceiling,
    write_ceiling,
)
from distillation.report.comparison import (
    Entry,
    Report,
    Target,
    make_report,
    read_report,
    targets,
    worst,
    write_report,
)
from distillation.report.cost import NETWORKS, network_size
from distillation.report.generation import AvatarGenerator, avatar_table, judge_drawings
from distillation.report.page import write_page
from distillation.report.tables import report_tables

__all__ = [
    "NETWORKS",
    "AvatarGenerator",
    "Entry",
    "Report",
    "Target",
    "avatar_table",
    "ceiling_table",
    "judge_ceiling",
    "judge_drawings",
    "make_report",
    "network_size",
    "read_ceiling",
    "read_report",
    "report_tables",
    "targets",
    "worst",
    "write_ceiling",
    "write_page",
    "write_report",
]
