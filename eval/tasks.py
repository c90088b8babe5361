"""An evaluation in pieces that another process, or another machine, can do.

A task is a small record; `perform` does it with what the process shares (`Bench`). First `Open`;
then the reference's runs; then, in any order, components and batches of whole runs of every
artifact in every runtime; last, for each of these, what comes of all its batches together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eval.cases import Ask
from eval.findings import Findings
from eval.results import RUN, Cost, Coverage, Level, Row, Subject

if TYPE_CHECKING:
    # What does a task needs these, and takes seconds to import them; what hands it out does not.
    from eval.bench import Bench
    from eval.trial import Trial


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What is known before anything is run.

    Attributes:
        subjects: The artifacts, in their order.
        quantized: Places of those that are also compared with a quantized checkpoint.
        runtimes: Of each artifact, those that this machine has.
        rows: Of each artifact: manifest, size, and runtimes that are not here.
        components: Names.
        batches: All whole runs.
        coverage: As in `Report`.
    """

    subjects: tuple[Subject, ...]
    quantized: tuple[int, ...]
    runtimes: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[Row, ...], ...]
    components: tuple[str, ...]
    batches: tuple[tuple[Ask, ...], ...]
    coverage: Coverage


class Task(Protocol):
    """A piece of an evaluation.

    Attributes:
        at: The artifact's place in the request and the runtime, where it is about such: who has
            done one of these has its components loaded.
        about: What it is, for people.
    """

    @property
    def at(self) -> tuple[int, str] | None: ...

    @property
    def about(self) -> str: ...

    def perform(self, bench: Bench) -> Any:
        """Do it; what it gives can be pickled."""


@dataclass(frozen=True, kw_only=True)
class Crash:
    """What a task gives whose process has died, or which could not be done at all."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Open:
    """Open all artifacts; refuses what is not whole. See `opening`."""

    at = None
    about = "opening artifacts and reference"

    def perform(self, bench: Bench) -> Opening:
        from eval.opening import opening

        return opening(bench)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Whole runs of what artifacts are compared with, kept in the bench's store. `place` is that of
    a quantized artifact, whose checkpoint it is about; None for the reference."""

    place: int | None
    asks: tuple[Ask, ...]
    at = None

    @property
    def about(self) -> str:
        return f"running the PyTorch {'reference' if self.place is None else 'checkpoint'}"

    def perform(self, bench: Bench) -> None:
        truth = bench.reference if self.place is None else bench.truths(self.place)[-1]
        if bench.looker(self.asks):
            bench.seen(truth, self.asks)
            if bench.request.mode == "full":
                bench.drawings(self.asks)
        for ask in self.asks:
            truth.draw_ahead(ask)


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """PyTorch's costs."""

    at = None
    about = "timing PyTorch"

    def perform(self, bench: Bench) -> list[Cost]:
        from eval.opening import baseline

        return baseline(bench)


@dataclass(frozen=True, kw_only=True)
class Component:
    """All levels of one component of an artifact in a runtime."""

    at: tuple[int, str]
    name: str
    artifact: str
    level: Level = "components"

    @property
    def about(self) -> str:
        return f"{self.artifact}: {self.name} in {self.at[1]}"

    def perform(self, bench: Bench) -> Findings:
        return _trial(bench, self.at).component(self.name)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Figures of some whole runs of an artifact in a runtime."""

    at: tuple[int, str]
    asks: tuple[Ask, ...]
    artifact: str
    name: str = RUN
    level: Level = "image"

    @property
    def about(self) -> str:
        return f"{self.artifact}: {len(self.asks)} whole runs in {self.at[1]}"

    def perform(self, bench: Bench) -> Mapping[str, np.ndarray] | Crash:
        from eval.tally import said
        from eval.whole import measure

        try:
            return measure(_trial(bench, self.at), self.asks)
        except Exception as error:
            return Crash(reason=said(error))


@dataclass(frozen=True, kw_only=True)
class Finish:
    """What comes of all batches together. `parts` are their figures, in their order."""

    at: tuple[int, str]
    parts: tuple[Mapping[str, np.ndarray], ...]
    artifact: str
    name: str = RUN
    level: Level = "image"

    @property
    def about(self) -> str:
        return f"{self.artifact}: figures of whole runs in {self.at[1]}"

    def perform(self, bench: Bench) -> Findings:
        from eval.whole import finish

        return finish(_trial(bench, self.at), self.parts)


def _trial(bench: Bench, at: tuple[int, str]) -> Trial:
    """The trial of before, with what it has loaded, where it is the same one."""
    from eval.trial import Trial

    if not isinstance(bench.last, Trial) or bench.last.at != at:
        bench.last = None  # let go of the other's components before these are loaded
        bench.last = Trial(bench, *at)
    return bench.last
