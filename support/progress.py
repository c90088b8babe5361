"""How long work tells how far it is: one protocol for every room, and two ways to show it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Hears how far a piece of work is."""

    def __call__(self, what: str, done: int = 0, total: int = 0, /) -> None:
        """Report progress.

        Args:
            what: What is being done, in a few words.
            done: How much of it is done, in whatever unit the work counts.
            total: How much there is in all; 0 where that is not known.
        """
        ...


def silent(what: str, done: int = 0, total: int = 0, /) -> None:
    """Report nothing."""


def printed(what: str, done: int = 0, total: int = 0, /) -> None:
    """Print a line on stderr, because stdout is for results: `people: 40 of 200`."""
    text = f"{what}: {done} of {total}" if total else what
    print(text, file=sys.stderr, flush=True)


@contextmanager
def progress_bar(*, lines: bool = False) -> Iterator[Progress]:
    """Show a progress bar on a terminal, which disappears when the work is done.

    Elsewhere nothing is shown, or with `lines`, for work that takes an hour, one line for each new
    thing that is being done.
    """
    # Imported here because library code names the protocol without ever showing a bar.
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    # What is being done may be a path, in which brackets are no markup.
    what_is_done = TextColumn("{task.description}", markup=False)
    columns = (what_is_done, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task, last = bar.add_task("starting", total=None), ""

        def show(what: str, done: int = 0, total: int = 0, /) -> None:
            nonlocal last
            if lines and what != last and not console.is_terminal:
                printed(what)
            last = what
            bar.update(task, description=what, completed=done, total=total or None)

        yield show
