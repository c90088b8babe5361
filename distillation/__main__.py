"""`python -m distillation VERB`: train each part of the model, and score it."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from avatar.command_line import fail, new_app, run, say

if TYPE_CHECKING:
    from distillation.data import People, TrainingData

app = new_app(
    "Train the avatar model: autoencoder, identity, teacher, in this order; then probe and publish."
)

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
Out = Annotated[Path, typer.Option(help="The run's folder; a run found there goes on.")]

SELFIES, DRAWINGS, HELD_OUT_PEOPLE = (
    Path("runs") / name for name in ("selfies", "drawings", "held-out")
)
# Two folders of the same people, since each part of the model needs one kind of picture only.
DEFAULT_PEOPLE = {
    SELFIES: {"count": 4000, "selfies": 3, "avatars": 0},
    DRAWINGS: {"count": 4000, "selfies": 0, "avatars": 1},
    HELD_OUT_PEOPLE: {"count": 200, "selfies": 10, "avatars": 2},
}


def _people(selfies: Path | None, drawings: Path | None, limit: int | None = None) -> People:
    """Open the shards; the default ones are made first, or their making goes on."""
    from accelerate import PartialState

    from avatar.people.shards import write_shards
    from distillation.data import HELD_OUT, People

    for folder, settings in DEFAULT_PEOPLE.items():
        if folder in (selfies, drawings):
            first = 0 if folder == HELD_OUT_PEOPLE else HELD_OUT
            with PartialState().main_process_first():
                write_shards(folder, seed=first, on_people=_tell_people, **settings)
    return People(selfies, drawings, limit=limit)


def _tell_people(done: int, count: int) -> None:
    say(f"{done}/{count} people")


def _training_data(
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
        return _people(selfies, drawings, most), _people(held_out, held_out)
    for name in ("selfies", "drawings", "held_out"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = name.replace("_", "-")
            raise DataError(
                f"--data and --{option} exclude each other: a folder of your own people has "
                "selfies, drawings and held-out people in one; leave out one of the two options"
            )
    people, held = open_own(data, keep=keep, limit=most)
    say(f"{data}: {len(people)} people to train on, {len(held)} held out")
    return people, held


@app.command()
def check_data(
    folder: Annotated[Path, typer.Argument(help="Folder of your own people, as --data takes it.")],
) -> None:
    """Read a folder of your own people, every picture too, and say what training would stop at."""
    from distillation.own_folder import read_folder, unreadable

    found = read_folder(folder)
    if wrong := list(unreadable(found)):
        fail(*wrong)
    people = (*found.trained, *found.held_out)
    typer.echo(f"{len(found.trained)} people to train on, {len(found.held_out)} held out")
    typer.echo(f"{sum(len(person.selfies) for person in people)} selfies")
    drawn = Counter(style for person in people for style, _ in person.drawings)
    for index, style in enumerate(found.styles):
        typer.echo(f"{drawn[index]} drawings in {style.name}")


@app.command()
def autoencoder(
    context: typer.Context,
    data: Data = None,
    drawings: DrawingsDir = DRAWINGS,
    most: Most = 600,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    out: Out = Path("runs/autoencoder"),
    steps: Steps = 700,
    batch: Batch = 16,
    learning_rate: Rate = 1.5e-3,
    seed: Seed = 0,
) -> None:
    """Train latent encoder and decoder on drawn avatars; prints PSNR by style on held-out ones."""
    from distillation.runs import train_autoencoder
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    people, held = _training_data(context, data, (None, drawings, held_out), out, most)
    for style, psnr in train_autoencoder(people, held, schedule, out).items():
        typer.echo(f"{people.styles[style].name:12} {psnr:.2f} dB")


@app.command()
def identity(
    context: typer.Context,
    data: Data = None,
    selfies: SelfiesDir = SELFIES,
    drawings: DrawingsDir = DRAWINGS,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    autoencoder: AutoencoderRun = Path("runs/autoencoder"),
    out: Out = Path("runs/identity"),
    steps: Steps = 4000,
    batch: Batch = 96,
    learning_rate: Rate = 1e-3,
    seed: Seed = 0,
) -> None:
    """Teach the identity encoder attributes, and what drawings to expect; prints its accuracy on
    held-out people. With --data there are no labels: it learns what drawings to expect alone."""
    from distillation.runs import train_identity
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    people, held = _training_data(context, data, (selfies, drawings, held_out), autoencoder)
    if people.labels is None:
        say("no labels: the loss of attributes is left out, and so is their accuracy")
    accuracy, sketch = train_identity(people, held, schedule, out, autoencoder=autoencoder)
    for name, share in accuracy.items():
        typer.echo(f"{name:12} {share:.1%}")
    typer.echo(f"{'sketch':12} {sketch:.3f} mean squared error")


@app.command()
def teacher(
    context: typer.Context,
    data: Data = None,
    selfies: SelfiesDir = SELFIES,
    drawings: DrawingsDir = DRAWINGS,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    autoencoder: AutoencoderRun = Path("runs/autoencoder"),
    identity: Annotated[Path, typer.Option(help="Run of the identity encoder.")] = Path(
        "runs/identity"
    ),
    start_from: Annotated[
        Path | None,
        typer.Option(help="Another teacher's run: its denoiser goes on, instead of fresh weights."),
    ] = None,
    out: Out = Path("runs/teacher"),
    steps: Steps = 6000,
    batch: Batch = 16,
    learning_rate: Rate = 1e-3,
    seed: Seed = 0,
    compiled: Annotated[
        bool,
        typer.Option(
            "--compile",
            help="Compile the denoiser first: some minutes once, quicker steps then; needs a C++"
            " compiler.",
        ),
    ] = False,
) -> None:
    """Train the denoiser on the autoencoder's latents and the identity encoder's tokens."""
    from distillation.runs import CHECKPOINT, train_teacher
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    train_teacher(
        *_training_data(context, data, (selfies, drawings, held_out), autoencoder),
        schedule,
        out,
        autoencoder=autoencoder,
        identity=identity,
        start_from=start_from,
        compiled=compiled,
    )
    typer.echo(out / CHECKPOINT)


@app.command()
def student(
    context: typer.Context,
    data: Data = None,
    selfies: SelfiesDir = SELFIES,
    drawings: DrawingsDir = DRAWINGS,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    autoencoder: AutoencoderRun = Path("runs/autoencoder"),
    teacher: Annotated[Path, typer.Option(help="Run of the teacher.")] = Path("runs/teacher"),
    out: Out = Path("runs/student"),
    steps: Steps = 1000,
    batch: Batch = 16,
    learning_rate: Rate = 2e-4,
    seed: Seed = 0,
) -> None:
    """Tune the teacher to draw in two steps, its guidance folded into the weights."""
    from distillation.runs import CHECKPOINT, train_student
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    train_student(
        *_training_data(context, data, (selfies, drawings, held_out), autoencoder),
        schedule,
        out,
        teacher=teacher,
        autoencoder=autoencoder,
    )
    typer.echo(out / CHECKPOINT)


@app.command()
def judge(
    selfies: SelfiesDir = SELFIES,
    drawings: DrawingsDir = DRAWINGS,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    out: Out = Path("runs/judge"),
    steps: Steps = 3000,
    batch: Batch = 48,
    learning_rate: Rate = 2e-3,
    seed: Seed = 0,
) -> None:
    """Train the judge on labels, and print how well it does on held-out people: its ceiling."""
    from distillation.judge import ceiling, table_of
    from distillation.runs import train_judge
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    trained = train_judge(_people(selfies, drawings), schedule, out)
    Console().print(table_of(ceiling(trained, _people(held_out, held_out))))


Checkpoint = Annotated[Path, typer.Option(help="Folder of the pipeline.")]


@app.command()
def probe(
    checkpoint: Checkpoint = Path("runs/teacher/checkpoint"),
    drawings: DrawingsDir = DRAWINGS,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    out: Out = Path("runs/probe"),
    count: Annotated[
        int, typer.Option("--selfies-each", min=1, max=10, help="Selfies shown of each.")
    ] = 5,
    most: Most = None,
    steps: Steps = 600,
    batch: Batch = 48,
    learning_rate: Rate = 2e-3,
    seed: Seed = 0,
) -> None:
    """Score avatars of held-out people: style and attributes, beside chance and beside drawings.

    Writes `scores.json` into the run's folder.
    """
    from avatar.pipeline import AvatarPipeline
    from distillation.probe import scores
    from distillation.runs import train_probe
    from distillation.scoring import generate, table_of, write_scores
    from distillation.training import Schedule

    pipeline = AvatarPipeline.from_pretrained(checkpoint)
    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    judge = train_probe(_people(None, drawings), schedule, out)
    judged = _people(held_out, held_out, most)
    found = scores(judge, judged, generate(pipeline, judged, selfies=count))
    write_scores(found, people=len(judged), selfies=count, path=out / "scores.json")
    Console().print(table_of(found))


@app.command()
def publish(
    context: typer.Context,
    data: Data = None,
    checkpoint: Checkpoint = Path("runs/teacher/checkpoint"),
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    runs: Annotated[Path, typer.Option(help="Folder of the runs it came from.")] = Path("runs"),
    out: Out = Path("avatar/checkpoints/small"),
    note: Annotated[
        str, typer.Option(help="For the model card: what the runs' records don't say.")
    ] = "",
) -> None:
    """Write a trained pipeline as the checkpoint that ships: fp16, with its model card. With --data
    the card has no scores of the probe, which knows nobody of yours."""
    from avatar.pipeline import AvatarPipeline
    from avatar.styles import styles_of
    from distillation.autoencoder import Autoencoder, reconstruction_psnr
    from distillation.publish import publish as write
    from distillation.runs import check_styles
    from distillation.scoring import read_scores

    pipeline = AvatarPipeline.from_pretrained(checkpoint)
    network = Autoencoder(pipeline.latent_encoder, pipeline.decoder)
    folders = (None, held_out, held_out)
    _, held = _training_data(context, data, folders, runs / "autoencoder")
    check_styles(held, checkpoint)
    psnr = reconstruction_psnr(network, held.avatars[:240])
    named = {held.styles[style].name: value for style, value in psnr.items()}
    scores = None if data else read_scores(runs / "probe" / "scores.json")
    write(pipeline, styles_of(checkpoint), runs, scores, named, out, note)
    typer.echo(out)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run(app, "python -m distillation")
