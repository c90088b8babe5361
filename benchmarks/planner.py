"""Plans beside uniform bits and beside the choice of one weight at a time, at the same size.

    python -m benchmarks.planner [--checkpoint DIR] [--runs 32] [--checks 64]

The one-at-a-time method is that of Apple's `mixed_bit_compression_pre_analysis`, written from its
description: each weight alone in a palette of 1, 2, 4, 6 and 8 bits, the PSNR of a few final images
for each, and then for every weight the fewest bits whose PSNR is above a threshold, the same for
all; the threshold is what fits the size. Exit code 1 when a limit is missed: 2 dB over uniform bits
at 4 bits, 4 dB at 3 (at 2 where the target has no palette of 3 bits), no worse than one at a time
in a tenth of its time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from avatar import shipped
from components.metrics import psnr
from quantization import Recipe, Scheme, Target, quantize
from quantization.planning import Plan, Planner, PlanSettings
from quantization.schemes import Palette

PROBED = (1, 2, 4, 6, 8)
IMAGES = 4
"""Final images that each of the one-at-a-time method's trials draws: Apple's has four prompts."""
BETTER = {4: 2.0, 3: 4.0}
SHARE_OF_TIME = 0.1


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checkpoint", type=Path, default=shipped.CHECKPOINT)
    parser.add_argument("--target", type=Target, choices=[*Target], default=Target.IOS18)
    parser.add_argument("--runs", type=int, default=32)
    parser.add_argument("--checks", type=int, default=64)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = PlanSettings(
            target=arguments.target,
            runs=arguments.runs,
            checks=arguments.checks,
            cache=Path(folder),
        )
        started = time.perf_counter()
        planner = Planner(arguments.checkpoint, settings)
        seconds = time.perf_counter() - started
        alone, their_seconds = one_at_a_time(planner)
        made, good = compare(planner, alone)
    good &= seconds <= SHARE_OF_TIME * their_seconds
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(made)
    console.print(
        f"sensitivities: {seconds:.0f} s; one weight at a time, {IMAGES} images each: "
        f"{their_seconds:.0f} s"
    )
    return 0 if good else 1


def compare(planner: Planner, alone: dict[str, dict[int, float]]) -> tuple[Table, bool]:
    """All methods at the sizes of uniform 4 and 3 bits; whether the plan won as it should."""
    made = Table(title="final images against fp16", title_justify="left")
    for heading in ("", "MB", "predicted dB", "mean dB", "worst dB"):
        made.add_column(heading, justify="right" if heading else "left")
    good = True
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
        for name, shown in rows:
            numbers = (shown.size / 1e6, shown.predicted, shown.quality.mean, shown.quality.worst)
            made.add_row(name, *(f"{number:.2f}" for number in numbers))
        good &= plan.quality.mean >= uniform.quality.mean + margin
        good &= plan.quality.mean >= threshold.quality.mean
    return made, good


if __name__ == "__main__":
    sys.exit(main())
