"""`python -m distillation VERB`: train each part of the model, and score it."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from avatar import shipped
from distillation.options import (
    DRAWINGS,
    HELD_OUT_PEOPLE,
    SELFIES,
    AutoencoderRun,
    Batch,
    Blocks,
    Data,
    DrawingsDir,
    HeldOutDir,
    JudgeDir,
    Most,
    Note,
    Out,
    Rate,
    Seed,
    SelfiesDir,
    Steps,
    Widths,
    is_given,
    open_people,
    training_data,
    widths_of,
)
from support.command_line import fail, new_app, print_tables, run, say
from support.options import Checkpoint, RecipeArgument
from support.progress import progress_bar

app = new_app(
    "Train the avatar model: autoencoder, identity, teacher, student and judge, in this order; then"
    " report and publish."
)


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
    people, held = training_data(context, data, (None, drawings, held_out), out, most)
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
    people, held = training_data(context, data, (selfies, drawings, held_out), autoencoder)
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
    widths: Widths = "32,80,160",
    blocks: Blocks = 1,
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
    if start_from and (is_given(context, "widths") or is_given(context, "blocks")):
        fail("--start-from goes on with a denoiser of its own shape: leave out --widths, --blocks")
    train_teacher(
        *training_data(context, data, (selfies, drawings, held_out), autoencoder),
        schedule,
        out,
        autoencoder=autoencoder,
        identity=identity,
        shape={"widths": widths_of(widths), "blocks": blocks},
        start_from=start_from,
        compiled=compiled,
    )
    typer.echo(out / CHECKPOINT)


@app.command()
def shrink(
    context: typer.Context,
    data: Data = None,
    selfies: SelfiesDir = SELFIES,
    drawings: DrawingsDir = DRAWINGS,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    autoencoder: AutoencoderRun = Path("runs/autoencoder"),
    teacher: Annotated[Path, typer.Option(help="Run of the teacher.")] = Path("runs/teacher"),
    widths: Widths = "32,80,160",
    blocks: Blocks = 1,
    out: Out = Path("runs/smaller"),
    steps: Steps = 2000,
    batch: Batch = 16,
    learning_rate: Rate = 5e-4,
    seed: Seed = 0,
) -> None:
    """Distil a teacher of any size into a smaller denoiser, which `student --teacher` takes."""
    from distillation.runs import CHECKPOINT, train_smaller
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    train_smaller(
        *training_data(context, data, (selfies, drawings, held_out), autoencoder),
        schedule,
        out,
        teacher=teacher,
        autoencoder=autoencoder,
        widths=widths_of(widths),
        blocks=blocks,
    )
    typer.echo(out / CHECKPOINT)


@app.command()
def student(
    context: typer.Context,
    data: Data = None,
    selfies: SelfiesDir = SELFIES,
    drawings: DrawingsDir = DRAWINGS,
    most: Most = None,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    autoencoder: AutoencoderRun = Path("runs/autoencoder"),
    teacher: Annotated[Path, typer.Option(help="Run of the teacher.")] = Path("runs/teacher"),
    start_from: Annotated[
        Path | None,
        typer.Option(help="Another student's run: its denoiser goes on, instead of the teacher's."),
    ] = None,
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
        *training_data(context, data, (selfies, drawings, held_out), autoencoder, most),
        schedule,
        out,
        teacher=teacher,
        autoencoder=autoencoder,
        start_from=start_from,
    )
    typer.echo(out / CHECKPOINT)


@app.command()
def judge(
    selfies: SelfiesDir = SELFIES,
    drawings: DrawingsDir = DRAWINGS,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    start_from: Annotated[
        Path | None,
        typer.Option(help="Another judge's run: its network goes on, instead of fresh weights."),
    ] = None,
    out: Out = Path("runs/judge"),
    steps: Steps = 1600,
    batch: Batch = 48,
    learning_rate: Rate = 1.5e-3,
    seed: Seed = 0,
) -> None:
    """Train the judge on labels, and print how well it does on held-out people: its ceiling."""
    from distillation.judge import ceiling, table_of, write_ceiling
    from distillation.runs import train_judge
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    trained = train_judge(open_people(selfies, drawings), schedule, out, start_from=start_from)
    found = ceiling(trained, open_people(held_out, held_out))
    write_ceiling(found, out)
    print_tables(table_of(found))


@app.command()
def report(
    teacher: Annotated[Path, typer.Option(help="Checkpoint to compare with.")] = Path(
        "runs/teacher/checkpoint"
    ),
    student: Annotated[Path, typer.Option(help="Checkpoint of few steps.")] = Path(
        "runs/student/checkpoint"
    ),
    judge: JudgeDir = shipped.JUDGE,
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    most: Most = None,
    out: Annotated[
        Path, typer.Option(help="Folder of page and figures; a report found there goes on.")
    ] = Path("runs/report"),
) -> None:
    """Compare teacher and student on held-out people: report.json, and report.html to look at."""
    from avatar.judge import load_judge
    from distillation.page import write_page
    from distillation.report import make, tables, write
    from distillation.runs import open_pipeline

    pipelines = (open_pipeline(teacher), open_pipeline(student))
    judged = open_people(held_out, held_out, most)
    with progress_bar(lines=True) as tell:
        made = make(*pipelines, load_judge(judge), judged, out / "latents", tell)
    write(made, out)
    print_tables(*tables(made))
    typer.echo(write_page(made, *pipelines, judged, out))


@app.command()
def tune(
    recipe: RecipeArgument,
    checkpoint: Checkpoint = shipped.CHECKPOINT,
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
    print_tables(tuned.table())
    if not tuned.better:
        typer.echo("tuning made it no better: what was kept is as the recipe made it")
    typer.echo(out / CHECKPOINT)


@app.command()
def publish(
    context: typer.Context,
    data: Data = None,
    checkpoint: Annotated[Path, typer.Option(help="Pipeline to ship, in its run's folder.")] = Path(
        "runs/student/checkpoint"
    ),
    report: Annotated[Path, typer.Option(help="Folder of the report on it.")] = Path("runs/report"),
    held_out: HeldOutDir = HELD_OUT_PEOPLE,
    runs: Annotated[Path, typer.Option(help="Folder of the runs it came from.")] = Path("runs"),
    out: Out = shipped.CHECKPOINT,
    note: Note = "",
) -> None:
    """Write a trained pipeline as the checkpoint that ships: fp16, with its model card. With --data
    the card has no report: the judge knows nobody of yours."""
    from avatar.styles import styles_of
    from distillation.autoencoder import Autoencoder, reconstruction_psnr
    from distillation.publish import RUNS
    from distillation.publish import publish as write
    from distillation.report import read
    from distillation.runs import check_styles, open_pipeline

    pipeline = open_pipeline(checkpoint)
    network = Autoencoder(pipeline.latent_encoder, pipeline.decoder)
    folders = (None, held_out, held_out)
    _, held = training_data(context, data, folders, runs / "autoencoder")
    check_styles(held, checkpoint)
    found = None if data else read(report)
    psnr = reconstruction_psnr(network, held.avatars[:240])
    named = {held.styles[style].name: value for style, value in psnr.items()}
    trained = [*(runs / name for name in RUNS), checkpoint.parent]
    write(pipeline, styles_of(checkpoint), trained, found, named, out, note)
    typer.echo(out)


@app.command()
def publish_judge(
    judge: Annotated[Path, typer.Option(help="Run of the judge.")] = Path("runs/judge"),
    out: Out = shipped.JUDGE,
    note: Note = "",
) -> None:
    """Write a trained judge as the one that ships: fp16, with its model card."""
    from avatar.judge import load_judge
    from distillation.judge import read_ceiling
    from distillation.publish import publish_judge as write
    from distillation.runs import CHECKPOINT

    ceiling = read_ceiling(judge)
    write(load_judge(judge / CHECKPOINT), judge, ceiling, out, note)
    typer.echo(out)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run(app, "python -m distillation")
