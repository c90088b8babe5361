"""`python -m eval [ARTIFACT...]`: does it still do what the PyTorch reference does?

Results go to stdout, progress to stderr. Exit codes: 0 where all gates passed, 1 where one failed,
2 for bad input or broken integrity.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup

from avatar import shipped
from components.overlay.options import takes_changes
from support.command_line import export_first, fail, new_app, run, say
from support.hub_cache import snapshot
from support.progress import printed
from support.publish import locked

MOST_PROCESSES = 4
"""Each worker process takes up to a gigabyte of memory."""
DEFAULTS = {Path("dist/coreml"): "coreml", Path("dist/onnx"): "onnx"}
"""Artifacts that are evaluated without arguments, and the formats that they are exported in first
where they are missing."""


class _EvaluatesByDefault(TyperGroup):
    """A group of commands in which the first argument may be missing and then means `evaluate`.

    It has no `--help` of its own, which saves time: typer loads pydantic to read a group's options.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "add_help_option": False})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = ["evaluate", *args]
        return super().parse_args(ctx, args)


class _DefaultCommand(TyperCommand):
    """The command that needs no name, in its help neither."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        pieces = self.collect_usage_pieces(ctx)
        formatter.write_usage(ctx.parent.command_path, " ".join(pieces))


app = new_app(
    "Measure whether an artifact still does what the PyTorch reference does.",
    group=_EvaluatesByDefault,
)


@app.command(
    cls=_DefaultCommand,
    epilog="Other commands: `python -m eval show REPORT` shows an earlier report.json, and "
    "`python -m eval schema` prints its JSON Schema. An artifact in a folder of such a name is "
    "./show.",
)
@takes_changes
def evaluate(
    artifacts: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="ARTIFACT",
            help="Folders of artifacts. Default: dist/coreml and dist/onnx, which are exported "
            "first where they are missing.",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Fewer cases: every style, number of selfies and timestep, once."
        ),
    ] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Two thousand pictures, with the figures that need so many (retrieval, Fréchet "
            "distance, diversity). Stopped and started again, it continues where it was.",
        ),
    ] = False,
    checkpoint: Annotated[
        Path,
        typer.Option(
            help="The unquantized checkpoint, which the reference is computed from (default: the "
            "one that ships), with the same changes as in the export. An artifact of another "
            "checkpoint is refused.",
            show_default=False,
            callback=snapshot,
        ),
    ] = shipped.CHECKPOINT,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="Recipe, or quantized checkpoint, that quantized artifacts were exported with. "
            "Default: dist/recipe.json, dist/quantized or runs/tune/checkpoint, whichever the "
            "artifact's manifest names.",
            show_default=False,
        ),
    ] = None,
    gates: Annotated[
        Path | None,
        typer.Option(
            help="Gates (TOML) instead of those that ship for the artifact's tier, eval/gates.",
            show_default=False,
            dir_okay=False,
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="What pipelines draw that take text: a file with one prompt a line. "
            "Default: a short built-in list.",
            show_default=False,
            dir_okay=False,
        ),
    ] = None,
    selfies: Annotated[
        Path | None,
        typer.Option(
            help="What avatars are drawn from: a folder with selfies of one person, or with a "
            "folder for each person. Default: people who don't exist.",
            show_default=False,
            file_okay=False,
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads inside an operation, in every runtime. As many worker processes run side "
            "by side as there are cores for them, at most 4. With as many threads as cores one "
            "process runs, and nothing disturbs its seconds. Default: 1; for a checkpoint above "
            "1 GiB, of which one component at a time is in memory, all cores.",
            show_default=False,
        ),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(help="A level to leave out; may be given several times."),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="An existing Ray cluster to spread the work over: HOST:PORT of its head, or auto. "
            "This machine must belong to it, and all of its machines need this software. "
            "Default: this machine alone.",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="An earlier report.json: what got worse since then, beyond noise, fails too.",
            show_default=False,
            dir_okay=False,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder of report.html, report.json, junit.xml, pictures, and the cache of what "
            "the reference has computed, which makes the next run quicker.",
            file_okay=False,
        ),
    ] = Path("runs/eval"),
) -> int:
    """Evaluate artifacts: weights, components, trajectories, pictures, and sets of avatars."""
    from eval.report import baseline as baselines
    from eval.report import show as tell

    if quick and full:
        fail("--quick and --full exclude each other")
    earlier = baselines.read(baseline) if baseline else None
    folders = tuple(artifacts or _defaults(checkpoint))
    from eval.cases import MODES
    from eval.gates import read as read_gates
    from eval.request import RECIPES, Request

    request = Request(
        artifacts=folders,
        checkpoint=checkpoint,
        recipes=(recipe,) if recipe else RECIPES,
        gates=read_gates(gates) if gates else None,
        mode=MODES["quick" if quick else "full" if full else "default"],
        prompts=_prompts(prompts) if prompts else (),
        selfies=selfies,
        threads=threads or 1,
        out=out,
        cache=out / "cache",
        skip=_levels(skip or []),
    )
    if threads is None and request.large:
        request = replace(request, threads=_cores())
    if earlier is not None:
        baselines.require_mode(request.mode.name, *earlier)
    try:
        with locked(out, lambda: say(f"another evaluation writes {out}; waiting for it")):
            request.cache.mkdir(parents=True, exist_ok=True)
            report = _evaluated(request, ray)
            page = _write(report, out)
            if earlier is not None:  # the report is written before: the baseline may be refused
                report = baselines.compared(report, *earlier)
                page = _write(report, out)
    except OSError as error:
        fail(f"cannot write to {error.filename or out}: {error.strerror or error}")
    return tell(report, page=str(page))


@app.command()
def show(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="An earlier report.json.")],
) -> int:
    """Show an earlier report on the terminal; the exit code is that of its verdict."""
    from eval.report import read
    from eval.report import show as tell

    return tell(read(report))


@app.command()
def schema(
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write; the repository keeps it as docs/schemas/report.schema.json. "
            "Default: stdout.",
            show_default=False,
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of report.json, by which other programs can validate it."""
    from eval.schema import schema as report_schema
    from support import atomic, json_records

    data = json_records.dump(report_schema())
    if out is None:
        sys.stdout.write(data.decode())
    else:
        atomic.write(out, data)


def _prompts(file: Path) -> tuple[str, ...]:
    """The prompts of a file, one a line."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        fail(f"the prompts {file} cannot be read: {reason}")
    found = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not found:
        fail(f"{file} holds no prompts, expected one a line")
    return found


def _levels(names: list[str]) -> frozenset[str]:
    from eval.schema import Level

    unknown = [name for name in names if name not in get_args(Level)]
    if unknown:
        fail(f"there is no level {unknown[0]!r}; there are {', '.join(get_args(Level))}")
    return frozenset(names)


def _evaluated(request: Any, address: str | None) -> Any:
    workers = _cluster(request, address) if address else _processes(request)
    from eval.evaluate import evaluate as evaluate_all

    try:
        return evaluate_all(request, workers, say)
    finally:
        workers.close()


def _processes(request: Any) -> Any:
    from eval.workers.processes import WorkerProcesses

    count = 1 if request.large else _count(request.threads)
    workers = WorkerProcesses(request, count, printed)
    # The page's libraries take seconds to import: now, while the worker processes import theirs.
    import eval.report.page  # noqa: F401

    return workers


def _cluster(request: Any, address: str) -> Any:
    try:
        from eval.workers.cluster import RayCluster
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        fail("--ray needs Ray, which is not installed: pip install 'pocket-avatar[ray]'")
    return RayCluster(request, address, printed)


def _count(threads: int) -> int:
    """The number of processes, with that many threads each, that the cores suffice for."""
    return max(1, min(_cores() // threads, MOST_PROCESSES))


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _write(report: Any, folder: Path) -> Path:
    from eval.report import write

    return write(report, folder)


def _defaults(checkpoint: Path) -> tuple[Path, ...]:
    """The default artifacts, exported first where they are missing or of another checkpoint."""
    for folder, format_ in DEFAULTS.items():
        if reason := _reason_to_export(folder, checkpoint):
            export_first(format_, checkpoint, folder, reason)
    return tuple(DEFAULTS)


def _reason_to_export(folder: Path, checkpoint: Path) -> str:
    """Why a default artifact must be exported; empty where it need not.

    What is broken, or was exported with a recipe, belongs to somebody: it stays, and is refused or
    evaluated as it is.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return "is not there yet"
    from components import fingerprint
    from export import ExportError, open_artifact

    try:
        manifest = open_artifact(folder).manifest
    except ExportError:
        return ""
    if manifest.recipe is not None or manifest.checkpoint == fingerprint(checkpoint):
        return ""
    return "is of another checkpoint"


if __name__ == "__main__":
    run(app, "python -m eval", without_arguments=())
