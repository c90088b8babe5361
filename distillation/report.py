"""Teacher and student before the judge: every figure beside that of the designers' drawings."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from avatar.judge import Examiner, Judge, Judgement, Scores, same_person
from avatar.model import AvatarPipeline
from distillation import cost
from distillation.data import People
from distillation.errors import RunError
from distillation.scoring import Painter, asked_of, judged_drawings
from support import atomic
from support.progress import Progress

TEACHER_STEPS = 32
STUDENT_STEPS = (1, 2, 4)
DEFAULT_STEPS = 2
SELFIES = 5
CURVE, CURVE_PEOPLE = (1, 3, 5, 10), 100
"""Numbers of selfies for the identity curve, and how many people, the first, it is drawn for."""

LEAST_ACCURACY, LEAST_RETRIEVAL = 0.95, 0.9
"""What the judge must reach on drawings to be a judge."""

FIGURES = ("accuracy", "retrieval", "frechet", "diversity")
FILE = "report.json"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model at a number of steps that was shown `selfies` selfies. `calls` of the denoiser and
    `gmac` are for one avatar, `seconds` for a set of four; `by_group` may not be asked for."""

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
    """`drawn` are the judge's scores of the designers' drawings, its ceiling, and `floor` is the
    Fréchet distance of two halves of them. `likeness` (pictures,) says, for the student's default,
    how much likelier it is that avatar and drawing show one person than two (natural log)."""

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
        """The model of that name at so many steps."""
        return next(e for e in self.models if (e.name, e.steps) == (name, steps))

    def grouped(self) -> list[tuple[str, str, dict[str, dict[str, Scores]]]]:
        """Scores by group of the drawings and of every model: name, steps, and the scores."""
        models = [(e.name, str(e.steps), e.by_group) for e in self.models if e.by_group]
        return [("drawn", "–", self.drawn_by_group), *models]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the targets among them."""
        values = asdict(self)
        del values["likeness"]
        return {**values, "targets": [{**asdict(aim), "holds": aim.holds} for aim in targets(self)]}


@dataclass(frozen=True, kw_only=True)
class Target:
    """A figure that was aimed at: `measured` holds when it is at least, or at most, `wanted`."""

    what: str
    measured: float
    wanted: float
    at_most: bool = False

    @property
    def holds(self) -> bool:
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted


def make(
    teacher: AvatarPipeline,
    student: AvatarPipeline,
    judge: Judge,
    people: People,
    cache: Path,
    tell: Progress,
    rounds: int = 3,
) -> Report:
    """Draw every row of `people.avatars` with each model and judge it.

    `people` are held out, with selfies and drawings; the folder `cache` keeps latents.
    Seconds are medians of `rounds`.
    """
    asked, drawn = asked_of(people), judged_drawings(judge, people)
    everyone, few = np.arange(len(asked)), np.flatnonzero(asked.owners < CURVE_PEOPLE)

    @functools.cache
    def took(pipeline: AvatarPipeline, steps: int) -> float:
        return cost.seconds(pipeline, pipeline.sampler.table(steps), rounds)

    def judged(name: str, steps: int, selfies: int, rows: NDArray[np.integer]) -> Judgement:
        pipeline = models[name]
        title = f"{name}, {steps} steps, {selfies} selfies"
        painter = Painter(pipeline, people, pipeline.sampler.table(steps), selfies)
        return painter.judged(judge, rows, cache, lambda done, count: tell(title, done, count))

    def entry(name: str, steps: int, selfies: int, seen: Judgement, examiner: Examiner) -> Entry:
        pipeline = models[name]
        calls = cost.calls(pipeline.sampler.table(steps))
        return Entry(
            name=name,
            steps=steps,
            selfies=selfies,
            calls=calls,
            gmac=calls * sizes[name]["denoiser"]["gmac"] + sizes[name]["decoder"]["gmac"],
            seconds=took(pipeline, steps),
            scores=examiner.scores(seen),
            by_group=examiner.by_group(seen) if examiner is whole else None,
        )

    models = {"student": student, "teacher": teacher}
    sizes = {
        name: {part: cost.measure(pipeline, part) for part in cost.PARTS}
        for name, pipeline in models.items()
    }
    whole, first = Examiner(asked, drawn), Examiner(asked[few], drawn[few])
    # The quick ones first: what is wrong shows soon.
    seen = {
        ("student", steps): judged("student", steps, SELFIES, everyone)
        for steps in reversed(STUDENT_STEPS)
    }
    usual = seen["student", DEFAULT_STEPS]
    curve = {
        selfies: usual[few]
        if selfies == SELFIES
        else judged("student", DEFAULT_STEPS, selfies, few)
        for selfies in CURVE
    }
    seen["teacher", TEACHER_STEPS] = judged("teacher", TEACHER_STEPS, SELFIES, everyone)
    return Report(
        people=len(people),
        pictures=len(asked),
        drawn=whole.scores(drawn),
        drawn_by_group=whole.by_group(drawn),
        floor=whole.floor(),
        models=[entry(*key, SELFIES, seen[key], whole) for key in reversed(list(seen))],
        curve=[entry("student", DEFAULT_STEPS, *pair, first) for pair in curve.items()],
        curve_people=min(CURVE_PEOPLE, len(people)),
        parameters=sizes["student"],
        likeness=same_person(usual, drawn).diagonal(),
    )


def targets(report: Report) -> list[Target]:
    """What was aimed at, and what came out."""
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


def worst_group(groups: Mapping[str, Scores], figure: str) -> tuple[str, float]:
    """The class in which a figure of `Scores` is worst, and its value there."""
    values = {name: float(getattr(scores, figure)) for name, scores in groups.items()}
    pick = max if figure == "frechet" else min
    name = pick(values, key=values.__getitem__)
    return name, values[name]


def worst(report: Report, count: int) -> Sequence[int]:
    """The rows whose avatar is least like its drawing, the worst first."""
    return [int(row) for row in np.argsort(report.likeness, kind="stable")[:count]]


def tables(report: Report) -> list[Table]:
    """Models against figures, the worst group of each, and the targets; for the terminal."""
    figures = Table(
        "", "steps", "selfies", "calls", "GMAC", "seconds", *FIGURES, title="all people"
    )
    figures.add_row("drawn", *"–" * 5, *_cells(report.drawn))
    for entry in (*report.models, *report.curve):
        spent = (f"{entry.calls}", f"{entry.gmac:.2f}", f"{entry.seconds:.2f}")
        numbers = (f"{entry.steps}", f"{entry.selfies}", *spent)
        few = "" if entry.by_group else f", {report.curve_people} people"
        figures.add_row(f"{entry.name}{few}", *numbers, *_cells(entry.scores))
    groups = Table("", "steps", "by", *FIGURES, title="the worst group")
    for name, steps, by_group in report.grouped():
        for attribute, scored in by_group.items():
            found = (worst_group(scored, figure) for figure in FIGURES)
            groups.add_row(name, steps, attribute, *(f"{v:.3f} {g}" for g, v in found))
    aims = Table("target", "measured", "wanted", "", title="targets")
    for target in targets(report):
        bound = f"{'≤' if target.at_most else '≥'} {target.wanted:g}"
        aims.add_row(target.what, f"{target.measured:.3f}", bound, "yes" if target.holds else "NO")
    return [figures, groups, aims]


def _cells(scores: Scores) -> list[str]:
    return [f"{getattr(scores, figure):.3f}" for figure in FIGURES]


def write(report: Report, out: Path) -> None:
    """Keep the figures as JSON, for the model card."""
    atomic.write(out / FILE, f"{json.dumps(report.to_dict(), indent=2)}\n".encode())


def read(out: Path) -> dict[str, Any]:
    """What `write` wrote; raises `RunError` where it is missing."""
    try:
        return dict(json.loads((out / FILE).read_text()))
    except (OSError, ValueError) as error:
        raise RunError(f"{out} has no {FILE}; run: python -m distillation report") from error
