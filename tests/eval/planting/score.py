"""Plant one change, evaluate the artifact, and judge what was found."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from components import ComponentsError
from eval import EvalError, gates
from eval.cases import MODES
from eval.evaluate import evaluate
from eval.request import Request
from eval.schema import Level, Report, Row
from eval.workers import ThisProcess
from export import ExportError
from quantization import QuantizationError
from tests.eval.planting.bases import Bases
from tests.eval.planting.changes import ALL, Broken, Change, Defect, Harmless
from tests.eval.planting.files import copy, sign

REFUSALS = (EvalError, ExportError, ComponentsError, QuantizationError)
"""The errors that the command answers with one clear line and exit code 2."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of one change.

    Attributes:
        caught: Whether a gate failed; for a harmless change, whether none did.
        named: Whether the first level that failed, and its components, are the right ones, and the
            weight and the layer where there is one.
        without: The same two values with the weights level left out.
        at_run_time: Whether a level failed that runs the artifact.
        message: What the evaluation found, in one line.
    """

    change: Change
    caught: bool
    named: bool
    without: tuple[bool, bool]
    at_run_time: bool
    message: str

    @property
    def right(self) -> bool:
        return self.caught and self.named and all(self.without)


class Kit:
    """What all plantings share."""

    def __init__(self, bases: Bases, work: Path, gates: Path | None = None) -> None:
        """`gates` replaces the gates that ship, for artifacts of other checkpoints."""
        self.bases, self.work, self.gates = bases, work, gates

    def judge(self, change: Change, skip: Sequence[str] = ()) -> Verdict:
        """Plant a change into a fresh copy, evaluate it, and look at what it found."""
        folder = self.work / "planted" / "artifact"
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.parent.mkdir(parents=True)
        copy(self.bases.get(change.base), folder)
        for path in self.bases.exported.joinpath("onnx").glob("*.onnx"):
            (folder.parent / path.name).symlink_to(path.resolve())
        change.plant(folder)
        if isinstance(change, Broken):
            return self._refused(change, folder)
        sign(folder)
        report = self._evaluate(change, folder, skip)
        if isinstance(change, Harmless):
            return _passed(change, report)
        return found(change, report)

    def _refused(self, change: Broken, folder: Path) -> Verdict:
        if change.sign:
            sign(folder)
        try:
            self._evaluate(Harmless(name="", base=change.base, plant=change.plant), folder, ())
        except REFUSALS as error:
            message = str(error)
            named = change.reason in message and "\n" not in message
            return _alike(change, caught=True, named=named, message=f"refused: {message}")
        return _alike(change, caught=False, named=False, message="not refused")

    def _evaluate(self, change: Defect | Harmless, folder: Path, skip: Sequence[str]) -> Report:
        limits = self.gates or self.bases.gates(change.base)
        tried = set(change.levels) - set(skip)
        request = Request(
            artifacts=(folder,),
            checkpoint=self.bases.checkpoint,
            recipes=tuple(filter(None, [self.bases.recipe(change.base)])),
            gates=gates.read(limits) if limits else None,
            mode=MODES[getattr(change, "mode", "quick")],
            threads=getattr(change, "threads", 1),
            out=self.work / "out",
            cache=self.work / "cache",
            skip=frozenset(set(get_args(Level)) - tried),
        )
        return evaluate(request, ThisProcess(request))


def found(defect: Defect, report: Report) -> Verdict:
    """Judge a report on a defect, with and without its weights level."""
    others = tuple(row for row in report.rows if row.level != "weights")
    without = replace(report, rows=others)
    level = "components" if defect.level == "weights" else defect.level
    run_time = {row.level for row in report.failures} - {"manifest", "weights", "size"}
    return Verdict(
        change=defect,
        caught=bool(report.failures),
        named=_named(defect, report, defect.level),
        without=(bool(without.failures), _named(defect, without, level)),
        at_run_time=bool(run_time),
        message=summary(report),
    )


def _named(defect: Defect, report: Report, level: str) -> bool:
    failures = report.failures
    failed_levels = {row.level for row in failures}
    first = next((name for name in ALL if name in failed_levels), "")
    mine = [row for row in failures if row.level == level]
    right = first == level and {row.component for row in mine} == set(defect.components)
    right = right and set(defect.also) <= failed_levels
    if defect.weight and level == "weights":
        right = right and any(defect.weight in row.where.detail for row in mine)
    if defect.layer and "components" in defect.levels:
        right = right and _layers(report) == {defect.layer}
    return right


def _layers(report: Report) -> set[str]:
    """The layers that were named in components that failed."""
    return {search.first for search in report.searches if search.first}


def _passed(change: Harmless, report: Report) -> Verdict:
    """A harmless change is right if everything was tried and nothing failed."""
    return _alike(change, caught=report.passed, named=report.passed, message=summary(report))


def _alike(change: Change, *, caught: bool, named: bool, message: str) -> Verdict:
    return Verdict(
        change=change,
        caught=caught,
        named=named,
        without=(caught, named),
        at_run_time=False,
        message=message,
    )


def summary(report: Report) -> str:
    """The failures, level by level, with the first weight and the layers that were named."""
    parts = []
    for level in ALL:
        mine = [row for row in report.failures if row.level == level]
        if mine:
            parts.append(f"{level}: {', '.join(sorted({_row(row) for row in mine}))}")
    layers = ", ".join(sorted(_layers(report)))
    return "; ".join(parts + ([f"layer {layers}"] if layers else [])) or "passed"


def _row(row: Row) -> str:
    reason = row.reason or (row.where.detail if row.level in ("manifest", "weights") else "")
    value = "" if row.outcome == "crashed" else f" {row.metric} {row.value:.4g}"
    return f"{row.component}{value}{f' ({reason})' if reason else ''}"
