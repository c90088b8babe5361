"""What is left of the shipped model in few bits: final images and the judge's readings.

    python -m benchmarks.quantized [--checkpoint DIR] [--checks 64] [--people 60]

Uniform palettes of 8 and 6 bits, a plan of 4 bits, and W8A8 as `plan --activations` chooses it.
PSNR and SSIM of final images are against fp16 with the same seeds; the judge reads avatars of
held-out people, from the same noise. Exit code 1 when a limit is missed: 40, 34 and 28 dB in the
worst image, 26 dB and a mean SSIM of 0.95 for W8A8, 1 point of attributes, files within 3 % of what
recipes say.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from avatar import shipped
from avatar.judge import Scorer, load_judge
from avatar.model import AvatarPipeline
from avatar.people import write_shards
from distillation.data import MadeUpPeople
from distillation.report import AvatarGenerator, avatar_table, judge_drawings
from quantization import Recipe, apply, write
from quantization.activation_planner import ActivationPlanner
from quantization.activations import computing_in_int8
from quantization.planner import Planner, Settings
from quantization.quality import Quality

LEAST_SSIM, MOST_LOST, MOST_OFF = 0.95, 0.01, 0.03
SELFIES = 5


class Reader:
    """Has the judge read a model's avatars of held-out people."""

    def __init__(self, people: MadeUpPeople, folder: Path) -> None:
        self.people, self.folder, self.judge = people, folder, load_judge()
        self.scorer = Scorer(avatar_table(people), judge_drawings(self.judge, people))

    def accuracy(self, pipeline: AvatarPipeline, name: str) -> float:
        """Share of attributes that are read right; `name` is not used twice."""
        generator = AvatarGenerator(pipeline, self.people, pipeline.sampler.table(), SELFIES)
        rows = np.arange(len(self.people.drawings))
        seen = generator.judge(self.judge, rows, self.folder / name)
        return self.scorer.scores(seen).accuracy


def recipes(checkpoint: Path, checks: int) -> list[tuple[str, float, Recipe, Quality]]:
    """Name, decibels that the worst image must have, recipe, and what its runs measured."""
    planner = Planner(checkpoint, Settings(checks=checks))
    plans = [
        ("uniform 8", 40.0, planner.uniform(8)),
        ("uniform 6", 34.0, planner.uniform(6)),
        ("planned 4", 28.0, planner.for_size(planner.parameters // 2)),
    ]
    in_int8 = ActivationPlanner(checkpoint, Settings(target="onnx", checks=checks)).for_quality()
    found = [(name, floor, plan.recipe, plan.quality) for name, floor, plan in plans]
    return [*found, (f"W8A8, {in_int8.share:.0%}", 26.0, in_int8.recipe, in_int8.quality)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checkpoint", type=Path, default=shipped.CHECKPOINT)
    parser.add_argument("--checks", type=int, default=64, help="final images compared")
    parser.add_argument("--people", type=int, default=60, help="people whose avatars are read")
    arguments = parser.parse_args()
    table = Table(title=f"final images of {arguments.checks} runs, against fp16")
    for heading in ("", "MB", "on disk", "mean dB", "worst dB", "wanted", "SSIM", "attributes"):
        table.add_column(heading, justify="right" if heading else "left")
    with tempfile.TemporaryDirectory() as folder:
        people = Path(folder) / "people"
        write_shards(people, arguments.people, seed=0, selfies=SELFIES, avatars=2)
        reader = Reader(MadeUpPeople(people, people), Path(folder) / "latents")
        unquantized = apply(arguments.checkpoint, Recipe(pipeline="AvatarPipeline"))
        whole = reader.accuracy(unquantized.pipeline.assemble(), "fp16")
        good = True
        table.add_row("fp16", *"–" * 6, f"{whole:.2%}")
        for name, floor, recipe, quality in recipes(arguments.checkpoint, arguments.checks):
            quantized = apply(arguments.checkpoint, recipe)
            out = Path(folder) / name.split(",")[0].replace(" ", "-")
            write(quantized, out)
            size = sum(file.stat().st_size for file in out.rglob("*.safetensors"))
            pipeline = quantized.pipeline.assemble()
            with ExitStack() as stack:
                for part in quantized.pipeline.names:
                    layers = quantized.layers(part)
                    stack.enter_context(computing_in_int8(getattr(pipeline, part), layers))
                read = reader.accuracy(pipeline, out.name)
            numbers = (quality.mean, quality.worst, floor, quality.ssim)
            sizes = (quantized.size / 1e6, size / 1e6)
            table.add_row(
                name, *(f"{n:.2f}" for n in (*sizes, *numbers)), f"{read:.2%} {read - whole:+.2%}"
            )
            good &= quality.worst >= floor and whole - read <= MOST_LOST
            good &= abs(size / quantized.size - 1) <= MOST_OFF
            good &= not recipe.activations or quality.ssim >= LEAST_SSIM
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
