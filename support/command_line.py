"""The front door that all commands share: how they start, print and end.

Results go to stdout, progress and messages to stderr. The exit code is 0 for success, `GATE_FAILED`
where a fidelity gate failed, and `BAD_INPUT`, after one clear line, where the user erred. Each
room's `__main__.py` hands its typer app to `run`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperGroup
from typer.exceptions import TyperException

from support.errors import UserError
from support.paths import (
    escaped,
    explain,
    is_users_fault,
    require_argument,
    require_writable,
    usable,
)
from support.terminal import use_any_encoding, use_utf_8_names

WIDTH = 160
"""Columns of a table where no terminal says how many it has: in a file or a pipe no name is cut."""

GATE_FAILED = 1
"""Exit code of a command whose fidelity gate failed."""

BAD_INPUT = 2
"""Exit code of bad input or broken integrity."""


class _App(typer.Typer):
    """A typer app whose commands check every path that they are given before they start."""

    def command(self, *arguments: Any, **options: Any) -> Callable[[Any], Any]:
        register = super().command(*arguments, **options)

        def registered(function: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(function)
            def checked(**values: Any) -> Any:
                lists = (value if isinstance(value, list) else [value] for value in values.values())
                with usable(path for held in lists for path in held if isinstance(path, Path)):
                    if isinstance(out := values.get("out"), Path):
                        require_writable(out)
                    return function(**values)

            register(checked)
            return function

        return registered


def new_app(help_text: str, *, group: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """A typer app as all rooms use it: help without markup, real tracebacks for real bugs.

    Args:
        help_text: What the room is for, in a line.
        group: The class that finds the command that the arguments mean.
    """
    return _App(
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
    use_any_encoding()
    use_utf_8_names()
    go_offline()
    # diffusers otherwise warns of optimum's two distributions on every import.
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    try:
        code = _called(app, program, sys.argv[1:] or [*without_arguments])
        sys.stdout.flush()  # here, because at exit Python only warns that results are lost
    except BrokenPipeError:
        # Who read the results, such as `head`, has had enough: as typer does, and no more output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (UserError, OSError, UnicodeEncodeError) as error:
        if isinstance(error, UserError):
            fail(str(error))
        if not is_users_fault(error):
            raise
        fail(explain(error))
    sys.exit(code)


def _called(app: typer.Typer, program: str, arguments: list[str]) -> int:
    """The exit code of a command; wrong usage ends the process."""
    call: Any = app  # typer passes these options on, but does not declare them
    for argument in arguments:
        require_argument(argument)
    try:
        code = call(arguments, prog_name=program, standalone_mode=False)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else program
        fail(f"{error.format_message().rstrip('.')} (see {where} --help)")
    return code if isinstance(code, int) else 0


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
        print(f"error: {escaped(' '.join(message.split()))}", file=sys.stderr)
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
    """Print Rich tables on stdout; text in them is text, also where it has brackets or colons."""
    width = None if sys.stdout.isatty() else WIDTH
    console = Console(width=width, markup=False, emoji=False)
    for table in tables:
        console.print(table)
