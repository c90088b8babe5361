"""The verbs and options of every room's command, as text that is reviewed like a public API.

`python -m tests.command_lines` writes the files anew; the test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

FOLDER = Path(__file__).parent

ROOMS = (
    *("avatar", "coreml_runtime", "distillation", "eval", "export", "quantization"),
    "sdk_bindings",
)


def command_of(room: str) -> Any:
    """The room's command as typer hands it to its parser."""
    return typer.main.get_command(import_module(f"{room}.__main__").app)


def verbs(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every verb with its whole name: `python -m ROOM VERB`."""
    inner = getattr(command, "commands", None)
    if inner is None or getattr(command, "invoke_without_command", False):
        yield name, command
    for verb, found in (inner or {}).items():
        yield from verbs(found, f"{name} {verb}")


def describe(room: str) -> str:
    """The verbs of a room in the order of its help, each with its arguments and options."""
    parts = []
    for name, command in verbs(command_of(room), f"python -m {room}"):
        lines = [name, *(f"    {_parameter(parameter)}" for parameter in command.params)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def kind_of(parameter: Any) -> str:
    """What values a parameter takes: `path`, `int`, or the words of a choice, `fp16|fp32`."""
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    return {"PosixPath": "path", "WindowsPath": "path"}.get(kind.__name__, kind.__name__.lower())


def _parameter(parameter: Any) -> str:
    """Names, what values it takes, and its default: `--bits float at least 0 = None`."""
    names = ", ".join((*parameter.opts, *parameter.secondary_opts))
    shown = (parameter.metavar or parameter.name.upper()) if is_argument(parameter) else names
    kind = "" if getattr(parameter, "is_flag", False) else f" {kind_of(parameter)}"
    least = "" if parameter.min is None else f" at least {parameter.min}"
    most = "" if parameter.max is None else f" at most {parameter.max}"
    many = ", repeatable" if parameter.multiple or parameter.nargs == -1 else ""
    default = ", required" if parameter.required else f" = {_default(parameter.default)}"
    return f"{shown}{kind}{least}{most}{many}{default}"


def _default(value: Any) -> str:
    """A default without what differs from one machine to another."""
    value = getattr(value, "value", value)
    if isinstance(value, Path) and value.is_absolute():
        return value.relative_to(FOLDER.parent.parent).as_posix()
    return value.as_posix() if isinstance(value, Path) else str(value)
