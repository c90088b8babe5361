"""Write the pinned text of every room's command anew, after a change on purpose."""

from __future__ import annotations

from tests.command_lines import FOLDER, ROOMS, describe

for room in ROOMS:
    (FOLDER / f"{room}.txt").write_text(describe(room), encoding="utf-8")
