"""`python -m distillation VERB`: train each part of the model, and score it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from avatar import shipped
from distillation import options
from support.command_line import fail, new_app, print_tables, run, say
from support.options import Checkpoint, RecipeArgument
from support.progress import Progress, progress_bar, silent
from support.publish import locked

app = new_app(
    "Train the avatar model: autoencoder, identity, teacher, student and judge, in this order; then"
    " report and publish."
)


@contextmanager
def training_bar() -> Iterator[Progress]:
    """A progress bar for training; of several processes only the main one shows it."""
    from accelerate import PartialState

    if PartialState().is_main_process:
        with progress_bar() as progress:
            yield progress
    else:
        yield silent


@app.command()
def check_data(folder: options.DataFolder) -> None:
    """Check a folder of your own people, with every picture in it, and name what cannot be used."""
    from distillation.data import read_folder, unreadable

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
    data: options.Data = None,
    drawings: options.DrawingsDir = options.DRAWINGS,
    most: options.Most = 600,
    held_out: options.HeldOutDir = options.HELD_OUT_PEOPLE,
    out: options.Out = options.AUTOENCODER,
    steps: options.Steps = 700,
    batch: options.Batch = 16,
    learning_rate: options.Rate = 1.5e-3,
    seed: options.Seed = 0,
) -> None:
    """Train latent encoder and decoder on drawings; print PSNR on held-out drawings by style."""
    from distillation.stages import train_autoencoder
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    people, held = options.training_data(context, data, (None, drawings, held_out), out, most)
    with training_bar() as progress:
        found = train_autoencoder(people, held, schedule, out, progress=progress)
    for style, psnr in found.items():
        typer.echo(f"{people.styles[style].name:12} {psnr:.2f} dB")


@app.command()
def identity(
    context: typer.Context,
    data: options.Data = None,
    selfies: options.SelfiesDir = options.SELFIES,
    drawings: options.DrawingsDir = options.DRAWINGS,
    held_out: options.HeldOutDir = options.HELD_OUT_PEOPLE,
    autoencoder: options.AutoencoderRun = options.AUTOENCODER,
    out: options.Out = options.IDENTITY,
    steps: options.Steps = 4000,
    batch: options.Batch = 96,
    learning_rate: options.Rate = 1e-3,
    seed: options.Seed = 0,
) -> None:
    """Train the identity encoder to read attributes and to expect drawings; print its accuracy on
    held-out people. With --data there are no labels: it learns to expect drawings only."""
    from distillation.stages import train_identity
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    people, held = options.training_data(context, data, (selfies, drawings, held_out), autoencoder)
    if people.labels is None:
        say("no labels: the loss of attributes is left out, and so is their accuracy")
    with training_bar() as progress:
        accuracy, sketch = train_identity(
            people, held, schedule, out, autoencoder=autoencoder, progress=progress
        )
    for name, share in accuracy.items():
        typer.echo(f"{name:12} {share:.1%}")
    typer.echo(f"{'sketch':12} {sketch:.3f} mean squared error")


@app.command()
def teacher(
    context: typer.Context,
    data: options.Data = None,
    selfies: options.SelfiesDir = options.SELFIES,
    drawings: options.DrawingsDir = options.DRAWINGS,
    held_out: options.HeldOutDir = options.HELD_OUT_PEOPLE,
    autoencoder: options.AutoencoderRun = options.AUTOENCODER,
    identity: options.IdentityRun = options.IDENTITY,
    start_from: options.TeacherStart = None,
    widths: options.Widths = options.WIDTHS,
    blocks: options.Blocks = 1,
    out: options.Out = options.TEACHER,
    steps: options.Steps = 6000,
    batch: options.Batch = 16,
    learning_rate: options.Rate = 1e-3,
    seed: options.Seed = 0,
    compiled: options.Compile = False,
) -> None:
    """Train the denoiser on the autoencoder's latents and the identity encoder's tokens."""
    from distillation.run_folder import CHECKPOINT
    from distillation.stages import train_teacher
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    if start_from and (options.is_given(context, "widths") or options.is_given(context, "blocks")):
        fail("--start-from keeps the shape of its denoiser: leave out --widths and --blocks")
    people, held = options.training_data(context, data, (selfies, drawings, held_out), autoencoder)
    with training_bar() as progress:
        train_teacher(
            people,
            held,
            schedule,
            out,
            autoencoder=autoencoder,
            identity=identity,
            shape={"widths": options.widths_of(widths), "blocks": blocks},
            start_from=start_from,
            compiled=compiled,
            progress=progress,
        )
    typer.echo(out / CHECKPOINT)


@app.command()
def shrink(
    context: typer.Context,
    data: options.Data = None,
    selfies: options.SelfiesDir = options.SELFIES,
    drawings: options.DrawingsDir = options.DRAWINGS,
    held_out: options.HeldOutDir = options.HELD_OUT_PEOPLE,
    autoencoder: options.AutoencoderRun = options.AUTOENCODER,
    teacher: options.TeacherRun = options.TEACHER,
    widths: options.Widths = options.WIDTHS,
    blocks: options.Blocks = 1,
    out: options.Out = options.RUNS / "smaller",
    steps: options.Steps = 2000,
    batch: options.Batch = 16,
    learning_rate: options.Rate = 5e-4,
    seed: options.Seed = 0,
) -> None:
    """Distil a teacher of any size into a smaller denoiser, which `student --teacher` takes."""
    from distillation.run_folder import CHECKPOINT
    from distillation.stages import train_smaller
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    people, held = options.training_data(context, data, (selfies, drawings, held_out), autoencoder)
    with training_bar() as progress:
        train_smaller(
            people,
            held,
            schedule,
            out,
            teacher=teacher,
            autoencoder=autoencoder,
            widths=options.widths_of(widths),
            blocks=blocks,
            progress=progress,
        )
    typer.echo(out / CHECKPOINT)


@app.command()
def student(
    context: typer.Context,
    data: options.Data = None,
    selfies: options.SelfiesDir = options.SELFIES,
    drawings: options.DrawingsDir = options.DRAWINGS,
    most: options.Most = None,
    held_out: options.HeldOutDir = options.HELD_OUT_PEOPLE,
    autoencoder: options.AutoencoderRun = options.AUTOENCODER,
    teacher: options.TeacherRun = options.TEACHER,
    start_from: options.StudentStart = None,
    out: options.Out = options.STUDENT,
    steps: options.Steps = 1000,
    batch: options.Batch = 16,
    learning_rate: options.Rate = 2e-4,
    seed: options.Seed = 0,
) -> None:
    """Train a copy of the teacher to draw in two steps, with its guidance in the weights."""
    from distillation.run_folder import CHECKPOINT
    from distillation.stages import train_student
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    folders = (selfies, drawings, held_out)
    people, held = options.training_data(context, data, folders, autoencoder, most)
    with training_bar() as progress:
        train_student(
            people,
            held,
            schedule,
            out,
            teacher=teacher,
            autoencoder=autoencoder,
            start_from=start_from,
            progress=progress,
        )
    typer.echo(out / CHECKPOINT)


@app.command()
def judge(
    selfies: options.SelfiesDir = options.SELFIES,
    drawings: options.DrawingsDir = options.DRAWINGS,
    held_out: options.HeldOutDir = options.HELD_OUT_PEOPLE,
    start_from: options.JudgeStart = None,
    out: options.Out = options.JUDGE,
    steps: options.Steps = 1600,
    batch: options.Batch = 48,
    learning_rate: options.Rate = 1.5e-3,
    seed: options.Seed = 0,
) -> None:
    """Train the judge on labels, and print its ceiling: how well it reads held-out people."""
    from distillation.report import ceiling_table, judge_ceiling, write_ceiling
    from distillation.stages import train_judge
    from distillation.training import Schedule

    schedule = Schedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    people = options.open_people(selfies, drawings)
    with training_bar() as progress:
        trained = train_judge(people, schedule, out, start_from=start_from, progress=progress)
    ceiling = judge_ceiling(trained, options.open_people(held_out, held_out))
    write_ceiling(ceiling, out)
    print_tables(ceiling_table(ceiling))


@app.command()
def report(
    teacher: options.TeacherCheckpoint = options.TEACHER / "checkpoint",
    student: options.StudentCheckpoint = options.STUDENT / "checkpoint",
    judge: options.JudgeDir = options.JUDGE_OUT,
    held_out: options.HeldOutDir = options.HELD_OUT_PEOPLE,
    most: options.Most = None,
    out: options.ReportOut = options.REPORT,
) -> None:
    """Compare teacher and student on held-out people: report.json, and report.html to look at."""
    from avatar.judge import load_judge
    from distillation.report import make_report, report_tables, write_page, write_report
    from distillation.run_folder import open_pipeline

    pipelines = (open_pipeline(teacher), open_pipeline(student))
    people = options.open_people(held_out, held_out, most)
    with progress_bar(lines=True) as progress:
        made = make_report(*pipelines, load_judge(judge), people, out / "latents", progress)
    with locked(out):  # figures and page belong together
        write_report(made, out)
        page = write_page(made, *pipelines, people, out)
    print_tables(*report_tables(made))
    typer.echo(page)


@app.command()
def tune(
    recipe: RecipeArgument,
    checkpoint: Checkpoint = shipped.CHECKPOINT,
    out: options.Out = options.RUNS / "tune",
    runs: options.TunedRuns = 16,
    checks: options.CheckedRuns = 16,
    steps: options.Steps = 150,
    batch: options.CallBatch = 4,
    learning_rate: options.Rate = 2e-3,
    seed: options.Seed = 0,
) -> None:
    """Tune tables, scales, norms and biases of a quantized checkpoint; print before and after."""
    from distillation.run_folder import CHECKPOINT
    from distillation.stages import tune
    from distillation.training import Schedule
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
    chosen = Recipe.read(recipe)
    with progress_bar(lines=True) as progress:
        tuned = tune(checkpoint, chosen, schedule, out, runs=runs, checks=checks, progress=progress)
    print_tables(tuned.table())
    if not tuned.better:
        typer.echo("tuning did not improve it: the checkpoint is as the recipe made it")
    typer.echo(out / CHECKPOINT)


@app.command()
def publish(
    context: typer.Context,
    data: options.Data = None,
    checkpoint: options.TrainedCheckpoint = options.STUDENT / "checkpoint",
    report: options.ReportDir = options.REPORT,
    held_out: options.HeldOutDir = options.HELD_OUT_PEOPLE,
    runs: options.AllRuns = options.RUNS,
    out: options.Out = options.CHECKPOINT_OUT,
    note: options.Note = "",
) -> None:
    """Write a trained pipeline as the checkpoint that ships: fp16, with its model card. With --data
    the card has no report, because the judge does not know your people."""
    from avatar.styles_file import styles_of
    from distillation.publish import BASE_RUNS, publish_pipeline
    from distillation.report import read_report
    from distillation.run_folder import check_styles, open_pipeline
    from distillation.stages import held_out_psnr

    pipeline = open_pipeline(checkpoint)
    folders = (None, held_out, held_out)
    _, held = options.training_data(context, data, folders, runs / "autoencoder")
    check_styles(held, checkpoint)
    found = None if data else read_report(report)
    trained = [*(runs / name for name in BASE_RUNS), checkpoint.parent]
    psnr = held_out_psnr(pipeline, held)
    publish_pipeline(pipeline, styles_of(checkpoint), trained, found, psnr, out, note)
    typer.echo(out)


@app.command()
def publish_judge(
    judge: options.JudgeRun = options.JUDGE,
    out: options.Out = options.JUDGE_OUT,
    note: options.Note = "",
) -> None:
    """Write a trained judge as the one that ships: fp16, with its model card."""
    from avatar.judge import load_judge
    from distillation.publish import publish_judge as write
    from distillation.report import read_ceiling
    from distillation.run_folder import CHECKPOINT

    ceiling = read_ceiling(judge)
    write(load_judge(judge / CHECKPOINT), judge, ceiling, out, note)
    typer.echo(out)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run(app, "python -m distillation")
