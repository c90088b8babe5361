"""`python -m eval [ARTIFACT...]`: does it still do what the PyTorch reference does?

Results go to stdout, progress to stderr. Exit codes: 0 all gates passed, 1 one fell, 2 bad input or
broken integrity.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from avatar import shipped
from support.command_line import GATE_FAILED, export_first, fail, new_app, print_tables, run, say

MOST_PROCESSES = 4
"""Each takes up to a gigabyte of memory."""
DEFAULTS = {Path("dist/coreml"): "coreml", Path("dist/onnx"): "onnx"}
"""Artifacts that are evaluated without arguments, and what exports them where they are missing."""

app = new_app("Measure whether an artifact still does what the PyTorch reference does.")


@app.command()
def evaluate(
    artifacts: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[ARTIFACT]...",
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
            "distance, diversity). It goes on where it was when it is started again.",
        ),
    ] = False,
    checkpoint: Annotated[
        Path,
        typer.Option(
            help="The unquantized checkpoint, which the reference is computed from (default: the "
            "one that ships). An artifact of another one is refused.",
            show_default=False,
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
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(
            min=1,
            help="Threads inside an operation, in every runtime; as many processes work side by "
            "side as there are cores for them, at most 4. Seconds are undisturbed where it is the "
            "number of cores: then one process works.",
        ),
    ] = 1,
    skip: Annotated[
        list[str] | None,
        typer.Option(help="A level to leave out; may be given several times."),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="An existing Ray cluster to spread artifacts and people over: HOST:PORT of its "
            "head, or auto. This machine must be of it, and all of its machines need this "
            "software. Default: this machine alone.",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="An earlier report.json: what got worse since, beyond noise, falls too.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder of report.html, report.json, junit.xml, pictures, and the cache of what "
            "the reference gave, which makes the next run quicker."
        ),
    ] = Path("runs/eval"),
    report: Annotated[
        Path | None,
        typer.Option(
            help="Show this earlier report.json instead of evaluating anything; the exit code is "
            "its verdict's.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Evaluate artifacts: weights, components, trajectories, pictures, and sets of avatars."""
    from eval.baseline import held_against, read, require_mode

    if report is not None:
        return _tell(_read(report))
    if quick and full:
        fail("--quick and --full exclude each other")
    earlier = read(baseline) if baseline else None
    folders = tuple(artifacts or _defaults(checkpoint))
    from eval.gates import read as limits
    from eval.request import RECIPES, Request

    request = Request(
        artifacts=folders,
        checkpoint=checkpoint,
        recipes=(recipe,) if recipe else RECIPES,
        gates=limits(gates) if gates else None,
        mode="quick" if quick else "full" if full else "default",
        threads=threads,
        out=out,
        cache=out / "cache",
        skip=_levels(skip or []),
    )
    if earlier is not None:
        require_mode(request.mode, *earlier)
    try:
        request.cache.mkdir(parents=True, exist_ok=True)
        made = _evaluated(request, ray)
        page = _write(out, made)
        if earlier is not None:  # written before, as it may be refused
            made = held_against(made, *earlier)
            page = _write(out, made)
    except OSError as error:
        fail(f"cannot write to {error.filename or out}: {error.strerror or error}")
    return _tell(made, page=page)


def _levels(names: list[str]) -> frozenset[str]:
    from eval.results import Level

    unknown = [name for name in names if name not in get_args(Level)]
    if unknown:
        fail(f"there is no level {unknown[0]!r}; there are {', '.join(get_args(Level))}")
    return frozenset(names)


def _evaluated(request: Any, address: str | None) -> Any:
    crew = _cluster(request, address) if address else _crew(request)
    from eval.evaluate import evaluate as evaluate_all

    try:
        return evaluate_all(request, crew)
    finally:
        crew.close()


def _crew(request: Any) -> Any:
    from eval.crews.processes import Processes

    crew = Processes(request, _processes(request.threads), say)
    # What the page needs takes seconds to import: now, while the processes import theirs.
    import eval.page  # noqa: F401

    return crew


def _cluster(request: Any, address: str) -> Any:
    try:
        from eval.crews.cluster import Cluster
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        fail("--ray needs Ray, which is not installed: pip install 'pocket-avatar[ray]'")
    return Cluster(request, address, say)


def _processes(threads: int) -> int:
    """How many processes of so many threads the cores are enough for."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(cores // threads, MOST_PROCESSES))


def _defaults(checkpoint: Path) -> tuple[Path, ...]:
    """The default artifacts, exported first where they are missing or of another checkpoint."""
    for folder, format_ in DEFAULTS.items():
        if reason := _lacking(folder, checkpoint):
            export_first(format_, checkpoint, folder, reason)
    return tuple(DEFAULTS)


def _lacking(folder: Path, checkpoint: Path) -> str:
    """Why a default artifact must be exported; empty where it need not. What is broken, or was
    exported with a recipe, is somebody's own: it stays, and is refused or evaluated as it is."""
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


def _write(out: Path, made: Any) -> str:
    """The report in all its forms; gives the page's path."""
    from eval import junit, page
    from support import atomic

    atomic.write(out / "report.json", made.dump())
    shown = str(page.write(made, out))
    atomic.write(out / "junit.xml", junit.dump(made, shown))
    return shown


def _read(path: Path) -> Any:
    from eval.errors import ReportError
    from eval.results import Report

    try:
        return Report.parse(path.read_bytes())
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror or error}")
    except ReportError as error:
        fail(f"{path}: {error}")


def _tell(made: Any, page: str = "") -> int:
    """What it cost, what was found, and the verdict; gives the exit code."""
    from eval import costs, terminal

    print_tables(costs.table(made), terminal.render(made, page))
    seconds, peak = made.environment.seconds, made.environment.peak_bytes
    say(f"{seconds:.0f} s, {peak / 1e9:.1f} GB at most")
    return 0 if made.passed else GATE_FAILED


if __name__ == "__main__":
    run(app, "python -m eval", without_arguments=())
