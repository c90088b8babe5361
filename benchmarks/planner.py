"""Plans compared with uniform bits, and with trying one weight at a time, at the same size.

    python -m benchmarks.planner [--checkpoint DIR] [--target ios18] [--runs 16] [--checks 64]

The one-at-a-time method is that of Apple's `mixed_bit_compression_pre_analysis`, written from its
description. Each weight alone is quantized to a palette of 1, 2, 4, 6 and 8 bits, and the PSNR of a
few final images is measured for each. Every weight then gets the fewest bits whose PSNR is above a
threshold, which is the same for all weights and the highest that fits the size.

Exit code 1 means that a limit was missed: a plan must be 2 dB better than uniform palettes at 4
bits and 4 dB better at 3, and no worse than one weight at a time, in a tenth of its time.

One weight at a time would take days for a large pipeline (from 100 million parameters on), so it is
left out there. A plan must then be 1 dB better than uniform palettes at 4 bits, and the first plan
must be made and verified within 15 minutes and 20 GB.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from avatar import shipped
from components.metrics import psnr
from quantization import Recipe, Scheme, Target, quantize
from quantization.planning import Plan, Planner, PlanSettings
from quantization.planning.size import LARGE
from quantization.schemes import Palette
from support.command_line import GATE_FAILED, new_app, print_tables, run

PROBED = (1, 2, 4, 6, 8)
"""Bits that the one-at-a-time method tries."""
IMAGES = 4
"""Final images of each of its trials, as Apple's method has four prompts."""
BETTER = {4: 2.0, 3: 4.0}
"""Decibels by which a plan must be better than uniform palettes, by bits."""
BETTER_IF_LARGE, SECONDS, GIGABYTES = 1.0, 15 * 60, 20.0
"""For a large pipeline: decibels at 4 bits, and what the first plan may take."""
SHARE_OF_TIME = 0.1
"""How long sensitivities may take, as a share of the one-at-a-time method's time."""

app = new_app("Compare plans with uniform bits and with one weight at a time, at the same size.")


def one_at_a_time(planner: Planner) -> tuple[dict[str, dict[int, float]], float]:
    """PSNR by weight and bits with that weight alone quantized, and the seconds it took."""
    started, runs = time.perf_counter(), planner.runs
    seeds = range(IMAGES)
    references = [runs.image(seed) for seed in seeds]
    found: dict[str, dict[int, float]] = {}
    for name, weight in runs.weights.items():
        found[name] = {}
        for bits in PROBED:
            dense = {name: quantize(weight.numpy(), Palette(bits=bits)).dense()}
            images = [runs.image(seed, dense) for seed in seeds]
            pairs = zip(references, images, strict=True)
            found[name][bits] = float(np.mean([psnr(a, b, peak=1.0) for a, b in pairs]))
    return found, time.perf_counter() - started


def by_threshold(planner: Planner, found: dict[str, dict[int, float]], budget: int) -> Recipe:
    """The recipe of the highest threshold that fits the budget."""
    shapes = {name: tuple(w.shape) for name, w in planner.runs.weights.items()}

    def chosen(threshold: float) -> dict[str, Scheme]:
        return {
            name: Palette(bits=min((b for b in PROBED if trials[b] >= threshold), default=8))
            for name, trials in found.items()
        }

    thresholds = sorted({value for trials in found.values() for value in trials.values()})
    best = chosen(-np.inf)
    for threshold in thresholds:
        schemes = chosen(threshold)
        if planner.fixed + sum(s.size(shapes[n]) for n, s in schemes.items()) <= budget:
            best = schemes
    weights = {name: (scheme, shapes[name]) for name, scheme in best.items()}
    return Recipe(pipeline=planner.pipeline, weights=weights)


@app.command()
def main(
    checkpoint: Annotated[Path, typer.Option(help="Unquantized checkpoint.")] = shipped.CHECKPOINT,
    target: Annotated[Target, typer.Option(help="It must have palettes of 3 bits.")] = Target.IOS18,
    runs: Annotated[
        int | None,
        typer.Option(
            help="Runs that sensitivities are measured on. Default: a plan's.", show_default=False
        ),
    ] = None,
    checks: Annotated[
        int | None,
        typer.Option(
            help="Runs whose final images are compared. Default: a plan's.", show_default=False
        ),
    ] = None,
) -> None:
    """Compare plans with uniform bits and with one weight at a time, at the same size."""
    with tempfile.TemporaryDirectory() as folder:
        settings = PlanSettings(target=target, runs=runs, checks=checks, cache=Path(folder))
        started = time.perf_counter()
        planner = Planner(checkpoint, settings)
        seconds = time.perf_counter() - started
        if planner.parameters >= LARGE:
            compare_large(planner, started)
            return
        alone, their_seconds = one_at_a_time(planner)
        table, good = compare(planner, alone)
    print_tables(table)
    typer.echo(
        f"sensitivities: {seconds:.0f} s; one weight at a time, {IMAGES} images each: "
        f"{their_seconds:.0f} s"
    )
    if not good or seconds > SHARE_OF_TIME * their_seconds:
        raise typer.Exit(GATE_FAILED)


def compare_large(planner: Planner, started: float) -> None:
    """Print a plan of 4 bits on average beside uniform 4 bits, and what making it took."""
    plan = planner.for_size(planner.parameters // 2)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gigabytes = (peak if sys.platform == "darwin" else peak * 1024) / 1e9
    uniform = planner.uniform(4)
    table = _table()
    _add(table, (("uniform 4", uniform), ("planned", plan)))
    print_tables(table)
    typer.echo(f"planned and verified in {seconds:.0f} s, {gigabytes:.1f} GB at most")
    better = plan.quality.mean - uniform.quality.mean
    if better < BETTER_IF_LARGE or seconds > SECONDS or gigabytes > GIGABYTES:
        raise typer.Exit(GATE_FAILED)


def compare(planner: Planner, alone: dict[str, dict[int, float]]) -> tuple[Table, bool]:
    """All methods at the sizes of uniform 4 and 3 bits; whether the plan won as it should."""
    table, good = _table(), True
    for bits, margin in BETTER.items():
        uniform = planner.uniform(bits)
        plan = planner.for_size(uniform.size)
        recipe = by_threshold(planner, alone, uniform.size)
        threshold = planner.measured(recipe, "one weight at a time")
        rows: tuple[tuple[str, Plan], ...] = (
            (f"uniform {bits}", uniform),
            (f"planned, uniform {bits}'s size", plan),
            ("one weight at a time", threshold),
        )
        _add(table, rows)
        good &= plan.quality.mean >= uniform.quality.mean + margin
        good &= plan.quality.mean >= threshold.quality.mean
    return table, good


def _table() -> Table:
    """An empty table of plans."""
    table = Table(title="final images against fp16", title_justify="left")
    for heading in ("", "MB", "predicted dB", "mean dB", "worst dB"):
        table.add_column(heading, justify="right" if heading else "left")
    return table


def _add(table: Table, plans: Iterable[tuple[str, Plan]]) -> None:
    """Add a row for each plan."""
    for name, shown in plans:
        numbers = (shown.size / 1e6, shown.predicted, shown.quality.mean, shown.quality.worst)
        table.add_row(name, *(f"{number:.2f}" for number in numbers))


if __name__ == "__main__":
    run(app, "python -m benchmarks.planner", without_arguments=())
