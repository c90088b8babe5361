"""Teacher and student as the judge reads them, every figure beside that of the drawings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar.judge import Judge, Judgement, Scorer, Scores, same_person
from avatar.model import AvatarPipeline
from distillation.data import MadeUpPeople
from distillation.errors import RunError
from distillation.report.cost import NETWORKS, denoiser_calls, median_seconds, network_size
from distillation.report.generation import AvatarGenerator, avatar_table, judge_drawings
from support import atomic
from support.progress import Progress, silent

TEACHER_STEPS = 32
STUDENT_STEPS = (1, 2, 4)
DEFAULT_STEPS = 2
SELFIES = 5
"""Selfies that each person is encoded from, except in the identity curve."""

CURVE, CURVE_PEOPLE = (1, 3, 5, 10), 100
"""Numbers of selfies in the identity curve, and the number of people, the first, it is made for."""

LEAST_ACCURACY, LEAST_RETRIEVAL = 0.95, 0.9
"""What the judge must reach on drawings for its figures to mean something."""

FIGURES = ("accuracy", "retrieval", "frechet", "diversity")
"""The fields of `Scores` that tables and pages show."""

REPORT_FILE = "report.json"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model at one number of steps and selfies.

    Attributes:
        name: "teacher" or "student".
        steps: Steps of the sampler.
        selfies: Selfies that each person is encoded from.
        calls: Calls of the denoiser for one avatar.
        gmac: Thousands of millions of multiply-accumulates for one avatar.
        seconds: Median time for a set of four avatars.
        scores: Scores over all pictures.
        by_group: Scores by attribute and class of the person; None in the identity curve.
    """

    name: str
    steps: int
    selfies: int
    calls: int
    gmac: float
    seconds: float
    scores: Scores
    by_group: dict[str, dict[str, Scores]] | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the comparison found.

    Attributes:
        people: Number of people.
        pictures: Number of avatars of each model.
        drawn: Scores of the designers' drawings: the judge's ceiling.
        drawn_by_group: The same by attribute and class.
        floor: Fréchet distance between two halves of the drawings.
        models: Teacher and student at each number of steps.
        curve: The student at each number of selfies.
        curve_people: Number of people in the curve.
        parameters: Size of each of the student's networks.
        likeness: For each row the logarithm of how much likelier it is that avatar and drawing show
            one person than two, (pictures,), for the student at its default steps.
    """

    people: int
    pictures: int
    drawn: Scores
    drawn_by_group: dict[str, dict[str, Scores]]
    floor: float
    models: list[Entry]
    curve: list[Entry]
    curve_people: int
    parameters: dict[str, dict[str, float]]
    likeness: NDArray[np.float64]

    def entry(self, name: str, steps: int) -> Entry:
        """The entry of a model at a number of steps."""
        return next(e for e in self.models if (e.name, e.steps) == (name, steps))

    def grouped(self) -> list[tuple[str, str, dict[str, dict[str, Scores]]]]:
        """Name, steps and scores by group, of the drawings and of every model."""
        models = [(e.name, str(e.steps), e.by_group) for e in self.models if e.by_group]
        return [("drawn", "–", self.drawn_by_group), *models]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the targets but without `likeness`."""
        values = asdict(self)
        del values["likeness"]
        return {**values, "targets": [{**asdict(aim), "holds": aim.holds} for aim in targets(self)]}


@dataclass(frozen=True, kw_only=True)
class Target:
    """A figure that was aimed at.

    Attributes:
        what: The figure in words.
        measured: Its value.
        wanted: Its bound.
        at_most: Whether the bound is an upper one; otherwise it is a lower one.
    """

    what: str
    measured: float
    wanted: float
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether the measured value keeps the bound."""
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted


def make_report(
    teacher: AvatarPipeline,
    student: AvatarPipeline,
    judge: Judge,
    people: MadeUpPeople,
    cache: Path,
    progress: Progress = silent,
    rounds: int = 3,
) -> Report:
    """Generate an avatar for every row of `people.drawings` with each model, and score them.

    Args:
        teacher: The teacher's pipeline.
        student: The student's pipeline.
        judge: The network that reads the avatars.
        people: Held-out people with selfies and drawings.
        cache: Folder that keeps latents, so that a killed report is resumed.
        progress: Told of every batch.
        rounds: Times that the seconds are the median of.
    """
    comparison = _Comparison(
        {"student": student, "teacher": teacher}, judge, people, cache, progress, rounds
    )
    everyone, few = comparison.everyone, comparison.few
    # The quick models come first, so that mistakes show soon.
    seen = {
        ("student", steps): comparison.judge("student", steps, SELFIES, everyone)
        for steps in reversed(STUDENT_STEPS)
    }
    usual = seen["student", DEFAULT_STEPS]
    curve = {
        selfies: usual[few]
        if selfies == SELFIES
        else comparison.judge("student", DEFAULT_STEPS, selfies, few)
        for selfies in CURVE
    }
    seen["teacher", TEACHER_STEPS] = comparison.judge("teacher", TEACHER_STEPS, SELFIES, everyone)
    scorer = comparison.scorer
    return Report(
        people=len(people),
        pictures=len(everyone),
        drawn=scorer.scores(comparison.drawn),
        drawn_by_group=scorer.by_group(comparison.drawn),
        floor=scorer.frechet_floor(),
        models=[comparison.entry(*key, SELFIES, seen[key]) for key in reversed(list(seen))],
        curve=[
            comparison.entry("student", DEFAULT_STEPS, selfies, judged, in_curve=True)
            for selfies, judged in curve.items()
        ],
        curve_people=min(CURVE_PEOPLE, len(people)),
        parameters=comparison.sizes["student"],
        likeness=same_person(usual, comparison.drawn).diagonal(),
    )


class _Comparison:
    """The models, the people and the drawings that a report is about.

    Attributes:
        everyone: Indices of all rows.
        few: Indices of the rows of the identity curve.
        drawn: The judge's reading of the drawings.
        scorer: Scores all rows.
        sizes: By model the size of each of its networks.
    """

    def __init__(
        self,
        models: Mapping[str, AvatarPipeline],
        judge: Judge,
        people: MadeUpPeople,
        cache: Path,
        progress: Progress,
        rounds: int,
    ) -> None:
        self._models, self._judge, self._people = models, judge, people
        self._cache, self._progress, self._rounds = cache, progress, rounds
        table, self.drawn = avatar_table(people), judge_drawings(judge, people)
        self.everyone = np.arange(len(table))
        self.few = np.flatnonzero(table.persons < CURVE_PEOPLE)
        self.scorer = Scorer(table, self.drawn)
        self._few_scorer = Scorer(table[self.few], self.drawn[self.few])
        self.sizes = {
            name: {network: network_size(pipeline, network) for network in NETWORKS}
            for name, pipeline in models.items()
        }
        self._seconds: dict[tuple[str, int], float] = {}

    def judge(self, name: str, steps: int, selfies: int, rows: NDArray[np.integer]) -> Judgement:
        """The judge's reading of a model's avatars for these rows."""
        pipeline = self._models[name]
        generator = AvatarGenerator(pipeline, self._people, pipeline.sampler.table(steps), selfies)
        what = f"{name}, {steps} steps, {selfies} selfies"
        return generator.judge(self._judge, rows, self._cache, self._progress, what)

    def entry(
        self, name: str, steps: int, selfies: int, seen: Judgement, *, in_curve: bool = False
    ) -> Entry:
        """Scores and cost of what `judge` gave, for all rows or for those of the curve."""
        sizes = self.sizes[name]
        calls = denoiser_calls(self._models[name].sampler.table(steps))
        return Entry(
            name=name,
            steps=steps,
            selfies=selfies,
            calls=calls,
            gmac=calls * sizes["denoiser"]["gmac"] + sizes["decoder"]["gmac"],
            seconds=self._median_seconds(name, steps),
            scores=(self._few_scorer if in_curve else self.scorer).scores(seen),
            by_group=None if in_curve else self.scorer.by_group(seen),
        )

    def _median_seconds(self, name: str, steps: int) -> float:
        """Seconds of a model at a number of steps, measured once."""
        key = (name, steps)
        if key not in self._seconds:
            pipeline = self._models[name]
            table = pipeline.sampler.table(steps)
            self._seconds[key] = median_seconds(pipeline, table, self._rounds)
        return self._seconds[key]


def targets(report: Report) -> list[Target]:
    """What was aimed at, beside what was measured."""
    teacher = report.entry("teacher", TEACHER_STEPS).scores
    one, two, four = (report.entry("student", steps).scores for steps in STUDENT_STEPS)
    drawn = report.drawn
    fewest, usual = (
        next(e.scores for e in report.curve if e.selfies == count) for count in (CURVE[0], SELFIES)
    )
    by_drawn = teacher.retrieval / drawn.retrieval
    more = usual.accuracy - fewest.accuracy
    return [
        _at_least("judge: attributes", drawn.accuracy, LEAST_ACCURACY),
        _at_least("judge: retrieval", drawn.retrieval, LEAST_RETRIEVAL),
        _at_most(
            "teacher: attributes below the drawings'", drawn.accuracy - teacher.accuracy, 0.05
        ),
        _at_least("teacher: retrieval by the drawings'", by_drawn, 0.8),
        _at_most("2 steps: Fréchet distance by the teacher's", two.frechet / teacher.frechet, 1.1),
        _at_most("2 steps: attributes below the teacher's", teacher.accuracy - two.accuracy, 0.01),
        _at_least("2 steps: retrieval by the teacher's", two.retrieval / teacher.retrieval, 0.97),
        _at_least("2 steps: diversity by the teacher's", two.diversity / teacher.diversity, 0.95),
        _at_most("4 steps: Fréchet distance by that of 2", four.frechet / two.frechet, 1.0),
        _at_least("4 steps: attributes above those of 2", four.accuracy - two.accuracy, 0.0),
        _at_most("1 step: Fréchet distance by the teacher's", one.frechet / teacher.frechet, 1.5),
        _at_least("5 selfies: attributes above those of 1", more, 0.01),
    ]


def _at_least(what: str, measured: float, wanted: float) -> Target:
    return Target(what=what, measured=measured, wanted=wanted)


def _at_most(what: str, measured: float, wanted: float) -> Target:
    return Target(what=what, measured=measured, wanted=wanted, at_most=True)


def worst(report: Report, count: int) -> Sequence[int]:
    """The `count` rows whose avatar is least like its drawing, the worst first."""
    return [int(row) for row in np.argsort(report.likeness, kind="stable")[:count]]


def write_report(report: Report, out: Path) -> None:
    """Write `report.json` into a folder, for the model card."""
    atomic.write(out / REPORT_FILE, f"{json.dumps(report.to_dict(), indent=2)}\n".encode())


def read_report(out: Path) -> dict[str, Any]:
    """Read what `write_report` wrote, as plain values.

    Raises:
        RunError: The folder has no report.
    """
    try:
        return dict(json.loads((out / REPORT_FILE).read_bytes()))
    except (OSError, ValueError) as error:
        raise RunError(f"{out} has no {REPORT_FILE}; run: python -m distillation report") from error
