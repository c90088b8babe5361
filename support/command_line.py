"""The front door that all commands share: how they start, print and end.

Results go to stdout, progress and messages to stderr. The exit code is 0 for success, `GATE_FAILED`
where a fidelity gate failed, and `BAD_INPUT`, after one clear line, where the user erred. Each
room's `__main__.py` hands its typer app to `run`.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperGroup
from typer.exceptions import TyperException

from support.errors import UserError

WIDTH = 160
"""Columns of a table where no terminal says how many it has: in a file or a pipe no name is cut."""

_CAUSED_BY_USERS = frozenset(
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
"""Errors of the operating system that a path given by the user, or a full disk, brings about."""

GATE_FAILED = 1
"""Exit code of a command whose fidelity gate failed."""

BAD_INPUT = 2
"""Exit code of bad input or broken integrity."""


def new_app(help_text: str, *, group: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """A typer app as all rooms use it: help without markup, real tracebacks for real bugs.

    Args:
        help_text: What the room is for, in a line.
        group: The class that finds the command that the arguments mean.
    """
    return typer.Typer(
        cls=group,
        help=help_text,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run(
    app: typer.Typer, program: str, *, without_arguments: Sequence[str] = ("--help",)
) -> NoReturn:
    """Run `app` on the arguments of this process, and exit with its code.

    Wrong usage, every `UserError` and places that cannot be written to become one line on stderr
    and exit code 2; everything else is a bug and keeps its traceback.

    Args:
        app: The room's commands.
        program: Its name in messages: `python -m ROOM`.
        without_arguments: Arguments to use where the user gave none.
    """
    go_offline()
    # diffusers otherwise warns of optimum's two distributions on every import.
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    call: Any = app  # typer passes these options on, but does not declare them
    try:
        code = call(sys.argv[1:] or [*without_arguments], prog_name=program, standalone_mode=False)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else program
        fail(f"{error.format_message().rstrip('.')} (see {where} --help)")
    except UserError as error:
        fail(str(error))
    except OSError as error:
        if error.errno not in _CAUSED_BY_USERS:
            raise
        name = error.filename2 or error.filename
        fail(f"{f'{name}: ' if name else ''}{error.strerror}")
    sys.exit(code if isinstance(code, int) else 0)


def go_offline() -> None:
    """Forbid the model libraries every request, in this process and those that it starts.

    What a checkpoint lacks is then an error, and never what a stranger has under its name.
    """
    os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
    # A room may have imported the library before, which reads the environment only once.
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        constants.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]


def fail(*messages: str) -> NoReturn:
    """Print on stderr what is wrong, one line for each message, and exit with code 2."""
    for message in messages:
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(BAD_INPUT)


def say(message: str) -> None:
    """Print a message on stderr, because stdout is for results."""
    print(message, file=sys.stderr, flush=True)


def export_where_missing(format_name: str, checkpoint: Path, folder: Path) -> None:
    """Export a checkpoint into `folder` if the folder is missing or empty."""
    if not folder.is_dir() or not any(folder.iterdir()):
        export_first(format_name, checkpoint, folder, "is not there yet")


def export_first(format_name: str, checkpoint: Path, folder: Path, reason: str) -> None:
    """Run `python -m export` into `folder`, after a message that names the reason.

    The export is a process of its own, so that its memory is free before anything else runs. Where
    it fails it has printed why, and this process exits with its code.
    """
    say(f"{folder} {reason}: exporting it first")
    options = ["--checkpoint", str(checkpoint), "--out", str(folder)]
    command = [sys.executable, "-m", "export", format_name, *options]
    code = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    if code:
        raise typer.Exit(code)


def print_tables(*tables: Any) -> None:
    """Print Rich tables on stdout."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for table in tables:
        console.print(table)
