"""The tasks, as small records.

`OpenArtifacts` comes first, then the reference's runs. Components and batches of runs of every
artifact in every runtime follow in any order. `CombineRuns` comes last for each runtime, when all
of its batches are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eval.cases import RunCase
from eval.schema import RUN, Cost, Findings, Level
from eval.tasks.artifact_runtime import ArtifactRuntime
from eval.tasks.outcomes import Crash, Overview

if TYPE_CHECKING:
    # Only performing a task needs these, which take seconds to import; handing it out does not.
    from eval.tasks.evaluation import RuntimeEvaluation
    from eval.tasks.workspace import Workspace


class Task(Protocol):
    """A piece of work.

    Attributes:
        needs: The artifact in a runtime whose components the task needs; None where it needs none.
            A process that has performed one of these has the components loaded.
        about: What is being done, for people.
    """

    @property
    def needs(self) -> ArtifactRuntime | None: ...

    @property
    def about(self) -> str: ...

    def perform(self, workspace: Workspace) -> Any:
        """Do it; the outcome can be pickled."""


@dataclass(frozen=True, kw_only=True)
class OpenArtifacts:
    """Open all artifacts, and refuse those that are incomplete or of another checkpoint."""

    needs = None
    about = "opening artifacts and reference"

    def perform(self, workspace: Workspace) -> Overview:
        from eval.tasks.overview import overview

        return overview(workspace)


@dataclass(frozen=True, kw_only=True)
class RecordReference:
    """Put runs of what artifacts are compared with into the cache.

    Attributes:
        index: Index of the quantized artifact whose checkpoint runs; None for the reference.
        runs: The runs.
    """

    index: int | None
    runs: tuple[RunCase, ...]
    needs = None

    @property
    def about(self) -> str:
        return f"running the PyTorch {'reference' if self.index is None else 'checkpoint'}"

    def perform(self, workspace: Workspace) -> None:
        if self.index is None:
            reference = workspace.reference
        else:
            reference = workspace.references(self.index)[-1]
        for run in self.runs:
            reference.record(run)
        workspace.kind.prepare(workspace.cases, reference, self.runs)


@dataclass(frozen=True, kw_only=True)
class TimeReference:
    """Time the reference, because costs are also told as ratios to PyTorch."""

    needs = None
    about = "timing PyTorch"

    def perform(self, workspace: Workspace) -> list[Cost]:
        from eval.tasks.timing import time_reference

        return time_reference(workspace)


@dataclass(frozen=True, kw_only=True)
class EvaluateComponent:
    """Evaluate one component of an artifact in a runtime, at all of its levels."""

    needs: ArtifactRuntime
    name: str
    artifact: str
    level: Level = "components"

    @property
    def about(self) -> str:
        return f"{self.artifact}: {self.name} in {self.needs.runtime}"

    def perform(self, workspace: Workspace) -> Findings:
        return _evaluation(workspace, self.needs).component(self.name)


@dataclass(frozen=True, kw_only=True)
class EvaluateRuns:
    """Measure a batch of runs of an artifact in a runtime."""

    needs: ArtifactRuntime
    runs: tuple[RunCase, ...]
    artifact: str
    name: str = RUN
    level: Level = "image"

    @property
    def about(self) -> str:
        return f"{self.artifact}: {len(self.runs)} whole runs in {self.needs.runtime}"

    def perform(self, workspace: Workspace) -> Mapping[str, np.ndarray] | Crash:
        from eval.levels import described
        from eval.tasks.runs import measure_batch

        try:
            return measure_batch(_evaluation(workspace, self.needs), self.runs)
        except Exception as error:
            return Crash(reason=described(error))


@dataclass(frozen=True, kw_only=True)
class CombineRuns:
    """Turn the figures of all batches into rows; `parts` are the figures, in the batches' order."""

    needs: ArtifactRuntime
    parts: tuple[Mapping[str, np.ndarray], ...]
    artifact: str
    name: str = RUN
    level: Level = "image"

    @property
    def about(self) -> str:
        return f"{self.artifact}: figures of whole runs in {self.needs.runtime}"

    def perform(self, workspace: Workspace) -> Findings:
        from eval.tasks.runs import combine

        return combine(_evaluation(workspace, self.needs), self.parts)


def _evaluation(workspace: Workspace, needs: ArtifactRuntime) -> RuntimeEvaluation:
    """The evaluation of the task before, with its loaded components, if it is the same one."""
    from eval.tasks.evaluation import RuntimeEvaluation

    if not isinstance(workspace.last, RuntimeEvaluation) or workspace.last.needs != needs:
        workspace.last = None  # let go of the other's components before these are loaded
        workspace.last = RuntimeEvaluation(workspace, needs)
    return workspace.last
