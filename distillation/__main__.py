"""`python -m distillation VERB`: train each part of the model, and score it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from avatar.command_line import new_app, run, say

if TYPE_CHECKING:
    from distillation.data import People

app = new_app(
    "Train the avatar model: autoencoder, identity, teacher, in this order; then probe and publish."
)

SelfiesDir = Annotated[Path, typer.Option(help="Shards with selfies to train on.")]
DrawingsDir = Annotated[Path, typer.Option(help="Shards with drawings of the same people.")]
Most = Annotated[
    int | None, typer.Option(min=1, help="Use only so many people; all there are by default.")
]
AutoencoderRun = Annotated[
    Path, typer.Option(help="Run of the autoencoder; keeps the drawings' latents.")
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


@app.command()
def autoencoder(
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
    from avatar.people.styles import STYLES
    from distillation.runs import train_autoencoder
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    trained = train_autoencoder(
        _people(None, drawings, most), _people(held_out, held_out), schedule, out
    )
    for style, psnr in trained.items():
        typer.echo(f"{STYLES[style].name:12} {psnr:.2f} dB")


@app.command()
def identity(
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
    held-out people."""
    from distillation.runs import train_identity
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    pictures = (_people(selfies, drawings), _people(held_out, held_out))
    accuracy, sketch = train_identity(*pictures, schedule, out, autoencoder=autoencoder)
    for name, share in accuracy.items():
        typer.echo(f"{name:12} {share:.1%}")
    typer.echo(f"{'sketch':12} {sketch:.3f} mean squared error")


@app.command()
def teacher(
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
        _people(selfies, drawings),
        _people(held_out, held_out),
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
        _people(selfies, drawings),
        _people(held_out, held_out),
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
def tune(
    recipe: Annotated[Path, typer.Argument(help="The recipe's file (python -m quantization).")],
    checkpoint: Annotated[Path, typer.Option(help="Folder that the recipe is applied to.")] = Path(
        "avatar/checkpoints/small"
    ),
    out: Out = Path("runs/tune"),
    runs: Annotated[int, typer.Option(min=1, help="Whole runs whose calls are learned from.")] = 16,
    checks: Annotated[int, typer.Option(min=1, help="Further runs that it is measured on.")] = 16,
    steps: Steps = 150,
    batch: Annotated[int, typer.Option(min=1, help="Calls of a component a step.")] = 4,
    learning_rate: Rate = 2e-3,
    seed: Seed = 0,
) -> None:
    """Tune tables, scales, norms and biases of a quantized checkpoint; prints before and after."""
    from distillation.training import Schedule
    from distillation.tune import CHECKPOINT, tune
    from quantization import Recipe

    schedule = Schedule(
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        warmup=10,
        weight_decay=0,
        ema_decay=0.95,
        save_every=25,
        grid_every=steps,
        seed=seed,
    )
    tuned = tune(checkpoint, Recipe.read(recipe), schedule, out, runs=runs, checks=checks, say=say)
    Console().print(tuned.table())
    if not tuned.better:
        typer.echo("tuning made it no better: what was kept is as the recipe made it")
    typer.echo(out / CHECKPOINT)


@app.command()
def publish(
    checkpoint: Checkpoint = Path("runs/teacher/checkpoint"),
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    runs: Annotated[Path, typer.Option(help="Folder of the runs it came from.")] = Path("runs"),
    out: Out = Path("avatar/checkpoints/small"),
    note: Annotated[
        str, typer.Option(help="For the model card: what the runs' records don't say.")
    ] = "",
) -> None:
    """Write a trained pipeline as the checkpoint that ships: fp16, with its model card."""
    from avatar.people.styles import STYLES
    from avatar.pipeline import AvatarPipeline
    from distillation.autoencoder import Autoencoder, reconstruction_psnr
    from distillation.publish import publish as write
    from distillation.scoring import read_scores

    pipeline = AvatarPipeline.from_pretrained(checkpoint)
    network = Autoencoder(pipeline.latent_encoder, pipeline.decoder)
    psnr = reconstruction_psnr(network, _people(held_out, held_out).avatars[:240])
    named = {STYLES[style].name: value for style, value in psnr.items()}
    write(pipeline, runs, read_scores(runs / "probe" / "scores.json"), named, out, note)
    typer.echo(out)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run(app, "python -m distillation")
