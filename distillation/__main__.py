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

PeopleDir = Annotated[
    Path, typer.Option("--people", help="Shards of people to train on; made if missing.")
]
HeldOutDir = Annotated[
    Path, typer.Option(help="Shards of people never trained on, for grids and scores.")
]
Steps = Annotated[int, typer.Option(min=1, help="Optimiser steps in all; sets the rate's decay.")]
Batch = Annotated[int, typer.Option(min=1, help="Samples a step.")]
Rate = Annotated[float, typer.Option("--learning-rate", min=0, help="Peak rate of AdamW.")]
Seed = Annotated[int, typer.Option(help="Seed of weights, order and noise.")]
Out = Annotated[Path, typer.Option(help="The run's folder; a run found there goes on.")]

PEOPLE, HELD_OUT_PEOPLE = Path("runs/people"), Path("runs/held-out")
DRAWINGS, SELFIES = Path("runs/drawings"), Path("runs/selfies")
# Many people with few pictures each teach an encoder more than the reverse; a drawing costs five
# times its person's selfies, once for each style, so fewer people are drawn than photographed.
DEFAULT_PEOPLE = {
    PEOPLE: {"count": 1500, "selfies": 3, "avatars": 2},
    DRAWINGS: {"count": 600, "selfies": 0, "avatars": 1},
    SELFIES: {"count": 2000, "selfies": 3, "avatars": 0},
    HELD_OUT_PEOPLE: {"count": 200, "selfies": 5, "avatars": 1},
}


def _people(folder: Path, *, avatars: bool = True) -> People:
    """Open the shards in `folder`; the default ones are made first, or their making goes on."""
    from avatar.people.shards import write_shards
    from distillation.data import HELD_OUT, People

    if settings := DEFAULT_PEOPLE.get(folder):
        first = 0 if folder == HELD_OUT_PEOPLE else HELD_OUT
        write_shards(folder, seed=first, on_people=_tell_people, **settings)
    return People(folder, avatars=avatars)


def _tell_people(done: int, count: int) -> None:
    say(f"{done}/{count} people")


@app.command()
def autoencoder(
    people: PeopleDir = DRAWINGS,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    out: Out = Path("runs/autoencoder"),
    steps: Steps = 1200,
    batch: Batch = 16,
    learning_rate: Rate = 1.5e-3,
    seed: Seed = 0,
) -> None:
    """Train latent encoder and decoder on drawn avatars; prints PSNR by style on held-out ones."""
    from avatar.people.styles import STYLES
    from distillation.runs import train_autoencoder
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    trained = train_autoencoder(_people(people), _people(held_out), schedule, out)
    for style, psnr in trained.items():
        typer.echo(f"{STYLES[style].name:12} {psnr:.2f} dB")


@app.command()
def identity(
    people: PeopleDir = SELFIES,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    out: Out = Path("runs/identity"),
    steps: Steps = 1500,
    batch: Batch = 24,
    learning_rate: Rate = 1e-3,
    seed: Seed = 0,
) -> None:
    """Teach the identity encoder the attributes; prints its accuracy on held-out people."""
    from distillation.runs import train_identity
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    trained = train_identity(
        _people(people, avatars=False),
        _people(held_out, avatars=False),
        schedule,
        out,
    )
    for name, share in trained.items():
        typer.echo(f"{name:12} {share:.1%}")


@app.command()
def teacher(
    people: PeopleDir = PEOPLE,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    autoencoder: Annotated[Path, typer.Option(help="Run of the autoencoder.")] = Path(
        "runs/autoencoder"
    ),
    identity: Annotated[Path, typer.Option(help="Run of the identity encoder.")] = Path(
        "runs/identity"
    ),
    out: Out = Path("runs/teacher"),
    steps: Steps = 3000,
    batch: Batch = 32,
    learning_rate: Rate = 1e-3,
    seed: Seed = 0,
) -> None:
    """Train the denoiser, and go on with the identity encoder, on the autoencoder's latents."""
    from distillation.runs import CHECKPOINT, train_teacher
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    train_teacher(
        _people(people),
        _people(held_out),
        schedule,
        out,
        autoencoder=autoencoder,
        identity=identity,
    )
    typer.echo(out / CHECKPOINT)


Checkpoint = Annotated[Path, typer.Option(help="Folder of the pipeline.")]


@app.command()
def probe(
    checkpoint: Checkpoint = Path("runs/teacher/checkpoint"),
    people: PeopleDir = PEOPLE,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    out: Out = Path("runs/probe"),
    selfies: Annotated[int, typer.Option(min=1, max=10, help="Selfies shown of each.")] = 5,
    steps: Steps = 1200,
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
    judge = train_probe(_people(people), schedule, out)
    judged = _people(held_out)
    found = scores(judge, judged, generate(pipeline, judged, selfies=selfies))
    write_scores(found, people=len(judged), selfies=selfies, path=out / "scores.json")
    Console().print(table_of(found))


@app.command()
def publish(
    checkpoint: Checkpoint = Path("runs/teacher/checkpoint"),
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    runs: Annotated[Path, typer.Option(help="Folder of the runs it came from.")] = Path("runs"),
    out: Out = Path("avatar/checkpoints/small"),
) -> None:
    """Write a trained pipeline as the checkpoint that ships: fp16, with its model card."""
    from avatar.people.styles import STYLES
    from avatar.pipeline import AvatarPipeline
    from distillation.autoencoder import Autoencoder, reconstruction_psnr
    from distillation.publish import publish as write
    from distillation.scoring import read_scores

    pipeline = AvatarPipeline.from_pretrained(checkpoint)
    network = Autoencoder(pipeline.latent_encoder, pipeline.decoder)
    psnr = reconstruction_psnr(network, _people(held_out).avatars[:240])
    named = {STYLES[style].name: value for style, value in psnr.items()}
    write(pipeline, runs, read_scores(runs / "probe" / "scores.json"), named, out)
    typer.echo(out)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run(app, "python -m distillation")
