"""`python -m quantization plan|apply`: decide which weight gets which bits, and give it those."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avatar import shipped
from support.command_line import fail, new_app, print_tables, run
from support.options import Checkpoint, RecipeArgument
from support.progress import progress_bar

if TYPE_CHECKING:
    from quantization.planner import Plan, Planner, Settings
    from quantization.report import Curve

app = new_app("Decide once which weight gets how many bits, for every export.")

UNIFORM, PLANNED = (8, 6, 4), (3.0, 4.0, 6.0)
"""Bits that are measured for the curve."""
POINTS = 40


class Target(StrEnum):
    """What will run the weights."""

    coreml_ios16 = "coreml-ios16"
    coreml_ios17 = "coreml-ios17"
    coreml_ios18 = "coreml-ios18"
    onnx = "onnx"


@app.command()
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
            help="What must run it, which decides the schemes there are. coreml-ios16 is the "
            "default because the others can run what it can; with --activations onnx is.",
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
        int,
        typer.Option(
            min=1,
            help="Runs that sensitivities are measured on, each of another person, style and seed. "
            "32 because then they are known to about half a decibel.",
        ),
    ] = 32,
    checks: Annotated[
        int,
        typer.Option(min=1, help="Further runs that plans are verified on, and repaired by."),
    ] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first run.")] = 0,
    cache: Annotated[
        Path,
        typer.Option(
            help="Folder of what was measured, by the checkpoint's hash: an interrupted plan goes "
            "on where it was, another budget costs no new measurement of sensitivities."
        ),
    ] = Path("runs/quantization"),
    curve: Annotated[
        bool,
        typer.Option(help="Also measure uniform bits and other plans, for the curve."),
    ] = True,
) -> None:
    """Choose bits for every weight under a budget, verify the choice, and write it as a recipe."""
    asked = [value for value in (max_mb, bits, min_psnr) if value is not None]
    if len(asked) > 1:
        fail("--max-mb, --bits and --min-psnr exclude each other: give one of them")
    target = target or (Target.onnx if activations else Target.coreml_ios16)
    if activations and (max_mb is not None or bits is not None):
        fail("--activations chooses layers, not sizes: it goes with --min-psnr only")
    if activations and target is not Target.onnx:
        fail(f"{target.value} does not compute in int8: --activations is for onnx")
    # PyTorch takes seconds to import: `--help` should not.
    from quantization.planner import Planner, Settings
    from quantization.report import table, write
    from support import atomic

    settings = Settings(target=target.value, runs=runs, checks=checks, seed=seed, cache=cache)
    if activations:
        _plan_activations(checkpoint, settings, min_psnr, out)
        return
    with progress_bar() as say:
        planner = Planner(checkpoint, settings, say)
        if min_psnr is not None:
            chosen = planner.for_quality(min_psnr)
        else:
            size = max_mb * 1e6 if max_mb is not None else planner.parameters * (bits or 4.0) / 8
            chosen = planner.for_size(int(size))
        atomic.write(out, chosen.recipe.dump())
        drawn = _curve(planner, chosen, curve)
    files = write(drawn, out)
    print_tables(table(drawn))
    for file in (out, *files):
        typer.echo(file)


def _plan_activations(
    checkpoint: Path, settings: Settings, min_psnr: float | None, out: Path
) -> None:
    from quantization.activation_planner import LEAST_PSNR, ActivationPlanner
    from quantization.report import layer_table
    from support import atomic

    with progress_bar() as say:
        planner = ActivationPlanner(checkpoint, settings, say)
        chosen = planner.for_quality(LEAST_PSNR if min_psnr is None else min_psnr)
    atomic.write(out, chosen.recipe.dump())
    print_tables(layer_table(chosen))
    typer.echo(out)


def _curve(planner: Planner, chosen: Plan, measured: bool) -> Curve:
    import numpy as np

    from quantization.errors import BudgetError
    from quantization.report import Curve

    plans = []
    for bits in PLANNED if measured else ():
        try:
            plans.append(
                (f"planned {bits:g} bits", planner.for_size(int(planner.parameters * bits / 8)))
            )
        except BudgetError:
            continue  # the target's smallest plan is larger
    least, most = planner.limits()
    budgets = [int(size) for size in np.linspace(least, most, POINTS)]
    return Curve(
        chosen=chosen,
        plans=plans,
        uniform=[
            (f"uniform {bits}", planner.uniform(bits)) for bits in (UNIFORM if measured else ())
        ],
        predicted=[(budget, planner.prediction(budget)) for budget in budgets],
        parameters=planner.parameters,
    )


@app.command()
def apply(
    recipe: RecipeArgument,
    checkpoint: Checkpoint = shipped.CHECKPOINT,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder of the quantized checkpoint; a quantized checkpoint there is replaced, "
            "anything else left alone."
        ),
    ] = Path("dist/quantized"),
) -> None:
    """Quantize a checkpoint by a recipe: a folder that `quantization.load` opens."""
    from quantization import checkpoint as packed
    from quantization.pipeline import apply as quantize
    from quantization.recipe import Recipe

    quantized = quantize(checkpoint, Recipe.read(recipe))
    packed.write(quantized, out)
    for name in quantized.pipeline.names:
        size = sum(tensor.size for tensor in quantized.packed(name).values())
        typer.echo(f"{name:20} {size / 1e6:8.3f} MB")
    typer.echo(f"{'all':20} {quantized.size / 1e6:8.3f} MB")
    typer.echo(out)


if __name__ == "__main__":
    run(app, "python -m quantization")
