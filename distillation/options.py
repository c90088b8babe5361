"""Options that several verbs share, their defaults, and what opens the people that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avatar import shipped
from support.command_line import fail, say
from support.progress import printed

if TYPE_CHECKING:
    from distillation.data import MadeUpPeople, TrainingData

RUNS = Path("runs")
SELFIES, DRAWINGS, HELD_OUT_PEOPLE = (RUNS / name for name in ("selfies", "drawings", "held-out"))
AUTOENCODER, IDENTITY, TEACHER, STUDENT, JUDGE, REPORT = (
    RUNS / name for name in ("autoencoder", "identity", "teacher", "student", "judge", "report")
)
WIDTHS = "32,80,160"

# Selfies and drawings of the same people are in two folders, because some stages need only one.
DEFAULT_PEOPLE = {
    SELFIES: {"count": 4000, "selfies": 3, "avatars": 0},
    DRAWINGS: {"count": 4000, "selfies": 0, "avatars": 1},
    HELD_OUT_PEOPLE: {"count": 200, "selfies": 10, "avatars": 2},
}
"""The folders that are made where they are missing, and how many people and pictures they hold."""

# ---- people

DataFolder = Annotated[
    Path, typer.Argument(help="Folder of your own people, as --data takes it.", file_okay=False)
]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Folder of your own people (docs/training.md describes it), instead of selfies "
        "and drawings of made-up ones. One in twenty, at least one, is held out: never trained on, "
        "shown in grids and scored.",
        show_default=False,
        file_okay=False,
    ),
]
SelfiesDir = Annotated[Path, typer.Option(help="Shards with selfies to train on.", file_okay=False)]
DrawingsDir = Annotated[
    Path, typer.Option(help="Shards with drawings of the same people.", file_okay=False)
]
HeldOutDir = Annotated[
    Path,
    typer.Option(help="Shards of people never trained on, for grids and scores.", file_okay=False),
]
Most = Annotated[
    int | None, typer.Option(min=1, help="Use only so many people; all there are by default.")
]

# ---- runs that a verb starts from

AutoencoderRun = Annotated[
    Path,
    typer.Option(
        help="Run of the autoencoder; it keeps latents, and small copies of your own pictures.",
        file_okay=False,
    ),
]
IdentityRun = Annotated[Path, typer.Option(help="Run of the identity encoder.", file_okay=False)]
TeacherRun = Annotated[Path, typer.Option(help="Run of the teacher.", file_okay=False)]
JudgeRun = Annotated[Path, typer.Option(help="Run of the judge.", file_okay=False)]
AllRuns = Annotated[
    Path, typer.Option(help="Folder of the runs that the checkpoint came from.", file_okay=False)
]
TeacherStart = Annotated[
    Path | None,
    typer.Option(
        help="Another teacher's run, whose denoiser is trained further, instead of fresh weights.",
        file_okay=False,
    ),
]
StudentStart = Annotated[
    Path | None,
    typer.Option(
        help="Another student's run, whose denoiser is trained further, instead of the teacher's.",
        file_okay=False,
    ),
]
JudgeStart = Annotated[
    Path | None,
    typer.Option(
        help="Another judge's run, whose network is trained further, instead of fresh weights.",
        file_okay=False,
    ),
]

# ---- how long, how fast, how large

Steps = Annotated[
    int, typer.Option(min=1, help="Optimiser steps in all; the learning rate decays over them.")
]
Batch = Annotated[int, typer.Option(min=1, help="Samples a step.")]
CallBatch = Annotated[int, typer.Option(min=1, help="Calls of a component a step.")]
Rate = Annotated[float, typer.Option("--learning-rate", min=0, help="Peak rate of AdamW.")]
Seed = Annotated[int, typer.Option(help="Seed of weights, order and noise.")]
Widths = Annotated[
    str,
    typer.Option(help="Channels of the UNet at each resolution, highest first, with commas."),
]
Blocks = Annotated[int, typer.Option(min=1, help="Residual blocks at each resolution.")]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Compile the denoiser first: it takes some minutes once and makes steps quicker; needs"
        " a C++ compiler.",
    ),
]
TunedRuns = Annotated[int, typer.Option(min=1, help="Whole runs whose calls are trained on.")]
CheckedRuns = Annotated[int, typer.Option(min=1, help="Further runs, whose images are compared.")]

# ---- checkpoints, recipes, reports

TeacherCheckpoint = Annotated[
    Path, typer.Option(help="Checkpoint to compare with.", file_okay=False)
]
StudentCheckpoint = Annotated[
    Path, typer.Option(help="Checkpoint that draws in few steps.", file_okay=False)
]
JudgeDir = Annotated[
    Path,
    typer.Option(
        help="Checkpoint of the judge; the one that ships by default.",
        show_default=False,
        file_okay=False,
    ),
]
TrainedCheckpoint = Annotated[
    Path, typer.Option(help="Checkpoint to ship, in the folder of its run.", file_okay=False)
]
ReportDir = Annotated[
    Path, typer.Option(help="Folder of the report on the checkpoint.", file_okay=False)
]

# ---- what is written

Out = Annotated[
    Path, typer.Option(help="Folder to write to; a run found there is resumed.", file_okay=False)
]
ReportOut = Annotated[
    Path,
    typer.Option(
        help="Folder of page and figures; a report found there is resumed.", file_okay=False
    ),
]
Note = Annotated[str, typer.Option(help="For the model card: what the runs' records do not say.")]

CHECKPOINT_OUT, JUDGE_OUT = shipped.CHECKPOINT, shipped.JUDGE


def open_people(
    selfies: Path | None, drawings: Path | None, limit: int | None = None
) -> MadeUpPeople:
    """Open shards of made-up people.

    The default folders are made first, or completed; the first `limit` people are read.
    """
    from accelerate import PartialState

    from avatar.people import write_shards
    from distillation.data import HELD_OUT, MadeUpPeople

    for folder, settings in DEFAULT_PEOPLE.items():
        if folder in (selfies, drawings):
            first = 0 if folder == HELD_OUT_PEOPLE else HELD_OUT
            with PartialState().main_process_first():
                write_shards(folder, seed=first, progress=printed, **settings)
    return MadeUpPeople(selfies, drawings, limit=limit)


def training_data(
    context: typer.Context,
    data: Path | None,
    folders: tuple[Path | None, Path, Path],
    run: Path,
    most: int | None = None,
) -> tuple[TrainingData, TrainingData]:
    """Open people to train on and held-out people.

    Args:
        context: The verb's context, which knows the options that the user wrote.
        data: Folder of the team's own people; None for made-up people.
        folders: Shards of made-up people: selfies, drawings, held-out people.
        run: Folder of the run that keeps small copies of the team's own pictures.
        most: Train on only so many people.
    """
    from distillation.data import open_own_people
    from distillation.errors import DataError

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
    people, held = open_own_people(data, run=run, limit=most)
    say(f"{data}: {len(people)} people to train on, {len(held)} held out")
    return people, held


def widths_of(text: str) -> tuple[int, ...]:
    """The numbers in a text like 32,80,160; they are multiples of 16, as group norms need."""
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) and int(part) % 16 == 0 for part in parts):
        fail(f"--widths is {text!r}, expected multiples of 16 with commas, like 32,80,160")
    return tuple(map(int, parts))


def is_given(context: typer.Context, name: str) -> bool:
    """Whether the user wrote this option."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
