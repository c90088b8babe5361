"""The commands of all rooms are the pinned ones, explain themselves, and read alike."""

from __future__ import annotations

import re

import pytest

from tests.command_lines import (
    FOLDER,
    ROOMS,
    command_of,
    describe,
    is_argument,
    kind_of,
    verbs,
)
from tests.test_imports import MAY_IMPORT, ROOT

each_room = pytest.mark.parametrize("room", ROOMS)


def test_every_room_with_a_front_door_is_pinned() -> None:
    doors = {room for room in MAY_IMPORT if (ROOT / room / "__main__.py").is_file()}
    assert doors == set(ROOMS)
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(ROOMS)


@each_room
def test_verbs_and_options_are_the_pinned_ones(room: str) -> None:
    pinned = (FOLDER / f"{room}.txt").read_text(encoding="utf-8")
    assert describe(room) == pinned, "changed on purpose? run: python -m tests.command_lines"


@each_room
def test_everything_is_explained_in_sentences(room: str) -> None:
    command = command_of(room)
    assert command.help and command.help.strip().endswith(".")
    for name, verb in verbs(command, room):
        assert verb.help and re.match(r"[A-Z]", verb.help), name
        for parameter in verb.params:
            text = getattr(parameter, "help", None)
            if parameter.name == "help" or is_argument(parameter):
                continue
            assert text and text.rstrip(")").endswith((".", "!", "?")), f"{name}: {parameter.name}"


@each_room
def test_options_that_rooms_share_mean_the_same(room: str) -> None:
    """`--out` is where results go, `--recipe` a recipe's file, `--checkpoint` a folder."""
    for name, verb in verbs(command_of(room), room):
        for parameter in verb.params:
            if parameter.name in ("out", "recipe", "checkpoint", "artifact"):
                assert kind_of(parameter) == "path", f"{name}: --{parameter.name}"
