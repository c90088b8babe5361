"""`python -m quantization plan|apply`: decide which weight gets which bits, and give it those.

Results go to stdout, progress to stderr. Exit codes: 0 done, 2 bad input.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import quantization
from avatar import shipped
from components.overlay.options import takes_changes
from quantization.targets import Target
from support import atomic
from support.command_line import fail, new_app, print_tables, run, say
from support.options import Checkpoint, RecipeArgument
from support.progress import progress_bar
from support.publish import locked

if TYPE_CHECKING:
    from quantization.planning import PlanSettings

app = new_app("Decide once which weight gets how many bits, for every export.")

BITS = 4.0
"""Mean bits a parameter where nothing is asked for."""


@app.command()
@takes_changes
def plan(
    max_mb: Annotated[
        float | None,
        typer.Option(min=0, help="Largest size of all components together, in millions of bytes."),
    ] = None,
    bits: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Mean bits a parameter, tables, scales and what stays in fp16 included. Default, "
            "where nothing is asked for: 4, because that is a quarter of fp16's download.",
            show_default=False,
        ),
    ] = None,
    min_psnr: Annotated[
        float | None,
        typer.Option(
            help="Smallest mean PSNR of final images against fp16, in dB. With --activations: of "
            "every checked image; 26 by default, and their mean SSIM must be 0.95.",
            show_default=False,
        ),
    ] = None,
    activations: Annotated[
        bool,
        typer.Option(
            "--activations",
            help="Choose which layers compute in int8 (W8A8), instead of bits for weights; only "
            "onnx has it.",
        ),
    ] = False,
    target: Annotated[
        Target | None,
        typer.Option(
            help="What must run the recipe: the oldest iOS, or ONNX Runtime. It decides which "
            "schemes there are. ios16 is the default because the others can run what it can; with "
            "--activations, onnx is.",
            show_default=False,
        ),
    ] = None,
    checkpoint: Checkpoint = shipped.CHECKPOINT,
    out: Annotated[
        Path,
        typer.Option(
            dir_okay=False, help="The recipe's file; the curve lies beside it as .png and .html."
        ),
    ] = Path("dist/recipe.json"),
    runs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Runs that sensitivities are measured on, each of another seed (for avatars: of "
            "another person and style). Default: 16, because further ones change a plan by less "
            "than half a decibel; 1 from 100 million parameters on, where a run takes minutes.",
            show_default=False,
        ),
    ] = None,
    checks: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Further runs that plans are verified on, and repaired by. Default: 16, or 1 "
            "where --runs is 1 by default.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first run.")] = 0,
    cache: Annotated[
        Path,
        typer.Option(
            help="Folder of measurements, by the checkpoint's hash: an interrupted plan resumes, "
            "and another budget needs no new measurement of sensitivities.",
            file_okay=False,
        ),
    ] = Path("runs/quantization"),
    curve: Annotated[
        bool | None,
        typer.Option(
            help="Also measure uniform bits and other plans, for the curve. Default: only below "
            "100 million parameters.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Choose bits for every weight under a budget, verify the choice, and write it as a recipe."""
    # Imported here, because `--help` needs none of what planning imports.
    from quantization.planning import Planner, PlanSettings, report
    from quantization.planning.curve import curve_of

    if sum(value is not None for value in (max_mb, bits, min_psnr)) > 1:
        fail("--max-mb, --bits and --min-psnr exclude each other: give one of them")
    target = target or (Target.ONNX if activations else Target.IOS16)
    settings = PlanSettings(target=target, runs=runs, checks=checks, seed=seed, cache=cache)
    if activations:
        if max_mb is not None or bits is not None:
            fail("--activations chooses layers, not sizes: it goes with --min-psnr only")
        _plan_activations(checkpoint, settings, min_psnr, out)
        return
    with progress_bar() as progress:
        planner = Planner(checkpoint, settings, progress)
        if min_psnr is not None:
            chosen = planner.for_quality(min_psnr)
        else:
            size = max_mb * 1e6 if max_mb is not None else planner.parameters * (bits or BITS) / 8
            chosen = planner.for_size(int(size))
        drawn = curve_of(planner, chosen, others=planner.effort.curve if curve is None else curve)
    with locked(out):  # a recipe and its report belong together
        atomic.write(out, chosen.recipe.dump())
        files = report.write(drawn, out)
    print_tables(report.table(drawn))
    for file in (out, *files):
        typer.echo(file)


def _plan_activations(
    checkpoint: Path, settings: PlanSettings, min_psnr: float | None, out: Path
) -> None:
    from quantization.planning import LEAST_PSNR, ActivationPlanner, report

    if not settings.target.computes_in_int8:
        fail(f"{settings.target} does not compute in int8: --activations is for onnx")
    with progress_bar() as progress:
        planner = ActivationPlanner(checkpoint, settings, progress)
        chosen = planner.for_quality(LEAST_PSNR if min_psnr is None else min_psnr)
    with locked(out):
        atomic.write(out, chosen.recipe.dump())
    print_tables(report.layer_table(chosen))
    typer.echo(out)


@app.command()
@takes_changes
def apply(
    recipe: RecipeArgument,
    checkpoint: Checkpoint = shipped.CHECKPOINT,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder of the quantized checkpoint; a quantized checkpoint there is replaced, "
            "anything else left alone.",
            file_okay=False,
        ),
    ] = Path("dist/quantized"),
) -> None:
    """Quantize a checkpoint by a recipe, into a folder that `quantization.load` opens."""
    quantized = quantization.apply(checkpoint, quantization.Recipe.read(recipe))

    def waiting() -> None:
        say(f"another process is writing {out}; waiting for it")

    quantization.write_quantized(quantized, out, waiting)
    for name in quantized.pipeline.names:
        size = sum(tensor.size for tensor in quantized.packed(name).values())
        typer.echo(f"{name:20} {size / 1e6:8.3f} MB")
    typer.echo(f"{'all':20} {quantized.size / 1e6:8.3f} MB")
    typer.echo(out)


if __name__ == "__main__":
    run(app, "python -m quantization")
