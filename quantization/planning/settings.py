"""What both planners are told, and what both of them begin with."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import components
from components.checkpoint import read_index
from quantization.planning.quality import QualityMeter
from quantization.planning.runs import PipelineRuns
from quantization.planning.size import Effort
from quantization.targets import Target

VERSION = 2
"""Part of the name of every cache: raised when what is measured changes."""


@dataclass(frozen=True, kw_only=True)
class PlanSettings:
    """How a plan is made.

    Attributes:
        target: What must run the recipe.
        runs: Differentiated runs that sensitivities come from; None for what the pipeline's size
            allows (`size`).
        checks: Further runs that plans are verified on; None likewise.
        seed: The first run's seed.
        cache: Folder of measurements.
    """

    target: Target = Target.IOS16
    runs: int | None = None
    checks: int | None = None
    seed: int = 0
    cache: Path = Path("runs/quantization")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What both planners begin with.

    Attributes:
        pipeline: The name of the pipeline's class.
        runs: Its runs.
        effort: How much is measured.
        seeds: The seeds of the differentiated runs.
        meter: Measures recipes on the runs that check plans.
        cache: Folder of what was measured of this checkpoint.
    """

    pipeline: str
    runs: PipelineRuns
    effort: Effort
    seeds: range
    meter: QualityMeter
    cache: Path


def prepare(checkpoint: Path, settings: PlanSettings) -> Prepared:
    """Load a checkpoint for planning.

    Raises:
        ComponentsError: It cannot be read.
    """
    pipeline = components.load(checkpoint)
    name = read_index(checkpoint)["_class_name"]
    runs = PipelineRuns(pipeline)
    key = [components.fingerprint(checkpoint), VERSION]
    cache = settings.cache / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    usual = Effort.of(runs.parameters)
    effort = replace(
        usual,
        runs=usual.runs if settings.runs is None else settings.runs,
        checks=usual.checks if settings.checks is None else settings.checks,
    )
    first = settings.seed + effort.runs
    return Prepared(
        pipeline=name,
        runs=runs,
        effort=effort,
        seeds=range(settings.seed, first),
        meter=QualityMeter(runs, range(first, first + effort.checks), cache),
        cache=cache,
    )


def decibels_of(cost: float) -> float:
    """The PSNR in dB of images in [0,1] with that mean squared error; NaN of NaN."""
    return -10 * math.log10(max(float(cost), 1e-30)) if not math.isnan(cost) else math.nan
