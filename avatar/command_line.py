"""How every command ends: results on stdout; where the user erred, one clear line and exit code 2.

Each room's `__main__.py` hands its typer app to `run`.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress
from typer.exceptions import TyperException

WIDE = 160
"""Columns of a table where no terminal says how many it has."""

_USERS_MATTER = frozenset(
    {
        errno.EACCES,
        errno.EEXIST,
        errno.EISDIR,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)
"""What the system refuses because of a path that the user gave, or of a full disk."""

Tell = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done, and how much there is."""

BAD_INPUT = 2
"""Exit code of bad input or broken integrity; 1 is for a fidelity gate that failed."""


def new_app(help_text: str) -> typer.Typer:
    """A typer app as all rooms use it: help without markup, real tracebacks for real bugs."""
    return typer.Typer(
        help=help_text,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run(
    app: typer.Typer, program: str, *, without_arguments: Sequence[str] = ("--help",)
) -> NoReturn:
    """Run `app` on this process's arguments and exit. Without any it shows the help, or does what
    it does with the arguments that the room names.

    Wrong usage, the errors of any room's `errors.py` and places that cannot be written to become
    one line on stderr and exit code 2; everything else is a bug and keeps its traceback.
    """
    # diffusers otherwise warns of optimum's two distributions on every import.
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    call: Any = app  # typer passes these options on, but does not declare them
    try:
        code = call(sys.argv[1:] or [*without_arguments], prog_name=program, standalone_mode=False)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else program
        fail(f"{error.format_message().rstrip('.')} (see {where} --help)")
    except ValueError as error:
        if not is_user_error(error):
            raise
        fail(str(error))
    except OSError as error:
        if error.errno not in _USERS_MATTER:
            raise
        name = error.filename2 or error.filename
        fail(f"{f'{name}: ' if name else ''}{error.strerror}")
    sys.exit(code if isinstance(code, int) else 0)


def is_user_error(error: BaseException) -> bool:
    """Whether a room's error tree, always in a module `errors`, has this error's class."""
    return type(error).__module__.rpartition(".")[2] == "errors"


def fail(*messages: str) -> NoReturn:
    """Say on stderr what is wrong, in one line each, and exit with code 2."""
    for message in messages:
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(BAD_INPUT)


def say(message: str) -> None:
    """Tell progress, on stderr: stdout is for results."""
    print(message, file=sys.stderr, flush=True)


def export_where_missing(format_name: str, checkpoint: Path, folder: Path) -> None:
    """Make sure that there is an artifact in `folder`: it is exported first where it is empty."""
    if not folder.is_dir() or not any(folder.iterdir()):
        export_first(format_name, checkpoint, folder, "is not there yet")


def export_first(format_name: str, checkpoint: Path, folder: Path, reason: str) -> None:
    """Run `python -m export`, having said that `folder` has this reason for it.

    That is a process of its own: its memory is gone before anything is run. Where it fails it has
    said why, and this process exits with its code.
    """
    say(f"{folder} {reason}: exporting it first")
    options = ["--checkpoint", str(checkpoint), "--out", str(folder)]
    command = [sys.executable, "-m", "export", format_name, *options]
    code = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    if code:
        raise typer.Exit(code)


def print_tables(*tables: Any) -> None:
    """Rich tables, on stdout."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    for table in tables:
        console.print(table)


@contextmanager
def progress(*, lines: bool = False) -> Iterator[Tell]:
    """A progress bar on a terminal, gone when it is done. Elsewhere nothing or, for what takes an
    hour, `lines`: one for each new thing."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task, last = bar.add_task("starting", total=None), ""

        def tell(what: str, done: int, count: int) -> None:
            nonlocal last
            if lines and what != last and not console.is_terminal:
                say(what)
            last = what
            bar.update(task, description=what, completed=done, total=count)

        yield tell
