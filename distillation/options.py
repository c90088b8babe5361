"""Options that the verbs share, and what opens the people they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from support.command_line import fail, say
from support.progress import printed

if TYPE_CHECKING:
    from distillation.data import People, TrainingData

SelfiesDir = Annotated[Path, typer.Option(help="Shards with selfies to train on.")]
DrawingsDir = Annotated[Path, typer.Option(help="Shards with drawings of the same people.")]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Folder of your own people (docs/training.md says how it looks), instead of selfies "
        "and drawings of made-up ones. One in twenty, at least one, is held out: never trained on, "
        "shown in grids and scored.",
        show_default=False,
    ),
]
Most = Annotated[
    int | None, typer.Option(min=1, help="Use only so many people; all there are by default.")
]
AutoencoderRun = Annotated[
    Path,
    typer.Option(help="Run of the autoencoder; keeps latents, and small copies of your pictures."),
]
HeldOutDir = Annotated[
    Path, typer.Option(help="Shards of people never trained on, for grids and scores.")
]
Steps = Annotated[int, typer.Option(min=1, help="Optimiser steps in all; sets the rate's decay.")]
Batch = Annotated[int, typer.Option(min=1, help="Samples a step.")]
Rate = Annotated[float, typer.Option("--learning-rate", min=0, help="Peak rate of AdamW.")]
Seed = Annotated[int, typer.Option(help="Seed of weights, order and noise.")]
Out = Annotated[Path, typer.Option(help="Where it is written; a run found there goes on.")]
Widths = Annotated[
    str, typer.Option(help="Channels of the UNet at each resolution, highest first, by commas.")
]
Blocks = Annotated[int, typer.Option(min=1, help="Residual blocks at each resolution.")]
Note = Annotated[str, typer.Option(help="For the model card: what the runs' records don't say.")]
JudgeDir = Annotated[
    Path,
    typer.Option(
        help="Checkpoint of the judge; the one that ships by default.", show_default=False
    ),
]

SELFIES, DRAWINGS, HELD_OUT_PEOPLE = (
    Path("runs") / name for name in ("selfies", "drawings", "held-out")
)
# Two folders of the same people, since each part of the model needs one kind of picture only.
DEFAULT_PEOPLE = {
    SELFIES: {"count": 4000, "selfies": 3, "avatars": 0},
    DRAWINGS: {"count": 4000, "selfies": 0, "avatars": 1},
    HELD_OUT_PEOPLE: {"count": 200, "selfies": 10, "avatars": 2},
}


def open_people(selfies: Path | None, drawings: Path | None, limit: int | None = None) -> People:
    """Open the shards; the default ones are made first, or their making goes on."""
    from accelerate import PartialState

    from avatar.people import write_shards
    from distillation.data import HELD_OUT, People

    for folder, settings in DEFAULT_PEOPLE.items():
        if folder in (selfies, drawings):
            first = 0 if folder == HELD_OUT_PEOPLE else HELD_OUT
            with PartialState().main_process_first():
                write_shards(folder, seed=first, progress=printed, **settings)
    return People(selfies, drawings, limit=limit)


def widths_of(text: str) -> tuple[int, ...]:
    """The numbers of a text like 32,80,160; group norms need multiples of 16."""
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) and int(part) % 16 == 0 for part in parts):
        fail(f"--widths is {text!r}, expected multiples of 16 by commas, like 32,80,160")
    return tuple(map(int, parts))


def is_given(context: typer.Context, name: str) -> bool:
    """Whether the user wrote this option."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def training_data(
    context: typer.Context,
    data: Path | None,
    folders: tuple[Path | None, Path, Path],
    keep: Path,
    most: int | None = None,
) -> tuple[TrainingData, TrainingData]:
    """People to train on, and held-out ones: those of `data`, whose small copies are kept in the
    run `keep`, or of the shards in `folders`: selfies, drawings, held out."""
    from distillation.errors import DataError
    from distillation.own_people import open_own

    if data is None:
        selfies, drawings, held_out = folders
        return open_people(selfies, drawings, most), open_people(held_out, held_out)
    for name in ("selfies", "drawings", "held_out"):
        if is_given(context, name):
            option = name.replace("_", "-")
            raise DataError(
                f"--data and --{option} exclude each other: a folder of your own people has "
                "selfies, drawings and held-out people in one; leave out one of the two options"
            )
    people, held = open_own(data, keep=keep, limit=most)
    say(f"{data}: {len(people)} people to train on, {len(held)} held out")
    return people, held
