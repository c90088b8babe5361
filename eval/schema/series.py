"""A metric along the timesteps of the sampler's tables."""

from __future__ import annotations

from dataclasses import dataclass

from eval.schema.numbers import refuse_nan
from eval.schema.row import Against, Level
from support.json_records import Number, record


@record
@dataclass(frozen=True, kw_only=True)
class Point:
    """One timestep of a series.

    Attributes:
        steps: Number of steps in the sampler's table.
        step: Index of the step in that table, from 0.
        timestep: The timestep that the denoiser gets there.
        worst: The worst of all cases.
        mean: The mean of all cases.
    """

    steps: int
    step: int
    timestep: Number
    worst: Number
    mean: Number

    def __post_init__(self) -> None:
        refuse_nan(self)


@record
@dataclass(frozen=True, kw_only=True)
class Series:
    """A metric along the timesteps of the sampler's tables.

    At level `components` each call of a component is measured by itself; at level `trajectory` the
    latents after each step of the artifact's own runs are, where errors add up.

    Attributes:
        artifact, level, runtime, component, metric, unit, against: As in `Row`.
        points: One table after the other, the one with the fewest steps first.
    """

    artifact: str
    level: Level
    runtime: str
    component: str
    metric: str
    unit: str
    against: Against
    points: tuple[Point, ...]
