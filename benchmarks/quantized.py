"""The quality that the shipped model keeps in few bits: final images and the judge's readings.

    python -m benchmarks.quantized [--checkpoint DIR] [--checks 64] [--people 60]

It measures uniform palettes of 8 and 6 bits, a plan of 4 bits, and W8A8 as `plan --activations`
chooses it. PSNR and SSIM of final images are against fp16 with the same seeds. The judge reads the
avatars of held-out people, which are all drawn from the same noise.

Exit code 1 means that a limit was missed. The worst image must have 40, 34 and 28 dB; for W8A8 it
must have 26 dB, and the mean SSIM must be 0.95. At most 1 point of attributes may be lost, and
files must be within 3 % of the size that recipes promise.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from avatar import shipped
from avatar.judge import Scorer, load_judge
from avatar.model import AvatarPipeline
from avatar.people import write_shards
from distillation.data import MadeUpPeople
from distillation.report import AvatarGenerator, avatar_table, judge_drawings
from quantization import (
    QuantizedPipeline,
    Recipe,
    Target,
    apply,
    computing_in_int8,
    write_quantized,
)
from quantization.planning import (
    LEAST_PSNR,
    LEAST_SSIM,
    ActivationPlanner,
    Planner,
    PlanSettings,
    Quality,
)
from support.command_line import GATE_FAILED, new_app, print_tables, run

MOST_LOST, MOST_OFF = 0.01, 0.03
"""Shares of the attributes that may be lost, and of their size by which files may be off."""
SELFIES = 5
HEADINGS = ("", "MB", "on disk", "mean dB", "worst dB", "wanted", "SSIM", "attributes")

app = new_app("Measure the quality that the shipped model keeps in few bits.")


class Reader:
    """Has the judge read the avatars that a model draws of held-out people."""

    def __init__(self, people: MadeUpPeople, folder: Path) -> None:
        self.people, self.folder, self.judge = people, folder, load_judge()
        self.scorer = Scorer(avatar_table(people), judge_drawings(self.judge, people))

    def accuracy(self, pipeline: AvatarPipeline, name: str) -> float:
        """The share of attributes that are read right; no two calls may have the same `name`."""
        generator = AvatarGenerator(pipeline, self.people, pipeline.sampler.table(), SELFIES)
        rows = np.arange(len(self.people.drawings))
        seen = generator.judge(self.judge, rows, self.folder / name)
        return self.scorer.scores(seen).accuracy

    def quantized_accuracy(self, quantized: QuantizedPipeline, name: str) -> float:
        """The same for a quantized pipeline, whose layers may compute in int8."""
        pipeline = quantized.pipeline.assemble()
        with ExitStack() as stack:
            for part in quantized.pipeline.names:
                layers = quantized.int8_layers(part)
                stack.enter_context(computing_in_int8(getattr(pipeline, part), layers))
            return self.accuracy(pipeline, name)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A recipe, what its runs measured, and the decibels that its worst image must have."""

    name: str
    floor: float
    recipe: Recipe
    quality: Quality

    @property
    def good(self) -> bool:
        """Whether final images are as good as they must be."""
        similar = not self.recipe.activations or self.quality.ssim >= LEAST_SSIM
        return self.quality.worst >= self.floor and similar


def cases(checkpoint: Path, checks: int) -> list[Case]:
    """All recipes that are measured."""
    planner = Planner(checkpoint, PlanSettings(checks=checks))
    plans = [
        ("uniform 8", 40.0, planner.uniform(8)),
        ("uniform 6", 34.0, planner.uniform(6)),
        ("planned 4", 28.0, planner.for_size(planner.parameters // 2)),
    ]
    settings = PlanSettings(target=Target.ONNX, checks=checks)
    in_int8 = ActivationPlanner(checkpoint, settings).for_quality()
    found = [
        Case(name=name, floor=floor, recipe=plan.recipe, quality=plan.quality)
        for name, floor, plan in plans
    ]
    name = f"W8A8, {in_int8.share:.0%}"
    w8a8 = Case(name=name, floor=LEAST_PSNR, recipe=in_int8.recipe, quality=in_int8.quality)
    return [*found, w8a8]


@app.command()
def main(
    checkpoint: Annotated[Path, typer.Option(help="Unquantized checkpoint.")] = shipped.CHECKPOINT,
    checks: Annotated[int, typer.Option(help="Final images that are compared.")] = 64,
    people: Annotated[int, typer.Option(help="People whose avatars are read.")] = 60,
) -> None:
    """Measure the quality that the shipped model keeps in few bits."""
    table, good = Table(title=f"final images of {checks} runs, against fp16"), True
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading else "left")
    with tempfile.TemporaryDirectory() as folder:
        shards = Path(folder) / "people"
        write_shards(shards, people, seed=0, selfies=SELFIES, avatars=2)
        reader = Reader(MadeUpPeople(shards, shards), Path(folder) / "latents")
        unquantized = apply(checkpoint, Recipe(pipeline="AvatarPipeline"))
        whole = reader.accuracy(unquantized.pipeline.assemble(), "fp16")
        table.add_row("fp16", *"–" * 6, f"{whole:.2%}")
        for case in cases(checkpoint, checks):
            out = Path(folder) / case.name.split(",")[0].replace(" ", "-")
            quantized = apply(checkpoint, case.recipe)
            write_quantized(quantized, out)
            size = sum(file.stat().st_size for file in out.rglob("*.safetensors"))
            read = reader.quantized_accuracy(quantized, out.name)
            table.add_row(*cells(case, quantized.size, size, read, whole))
            good &= case.good and whole - read <= MOST_LOST
            good &= abs(size / quantized.size - 1) <= MOST_OFF
    print_tables(table)
    if not good:
        raise typer.Exit(GATE_FAILED)


def cells(case: Case, promised: int, size: int, read: float, whole: float) -> tuple[str, ...]:
    """A row of the table, in the order of `HEADINGS`.

    Args:
        case: The recipe.
        promised: Bytes of all tensors.
        size: Bytes of the files.
        read: The share of attributes that are read right.
        whole: The same for fp16.
    """
    quality = case.quality
    numbers = (promised / 1e6, size / 1e6, quality.mean, quality.worst, case.floor, quality.ssim)
    return (case.name, *(f"{n:.2f}" for n in numbers), f"{read:.2%} {read - whole:+.2%}")


if __name__ == "__main__":
    run(app, "python -m benchmarks.quantized", without_arguments=())
