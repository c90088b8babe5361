"""What an evaluation must know of a kind of pipeline; one object describes one kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from components import Arrays, PipelineComponents, Runner
from components.metrics import psnr
from eval.cases import Cases, RunCase
from eval.levels import Scope
from eval.reference import ArrayCache, HeldComponents, Model, RecordedRun, Reference
from eval.request import Request
from eval.schema import Coverage, Level, Row, Where
from export import Artifact, Manifest
from support.images import on_8_bit_grid


class ScopeOf(Protocol):
    """What figures at a level of whole runs are about, against a reference."""

    def __call__(self, level: Level, *, reference: Reference) -> Scope: ...


@dataclass(frozen=True, kw_only=True)
class WholeRuns:
    """All whole runs of an artifact in a runtime, and what they are compared with.

    Attributes:
        cases: The runs.
        references: The reference, then the quantized checkpoint if there is one.
        model: Returns the artifact as a model, with its components loaded.
        seen: For each batch of runs what `Kind.see` returned.
        byte_images: Whether the artifact's pictures come in steps of 1/255.
        scope: Makes the scopes of rows.
    """

    cases: Cases
    references: tuple[Reference, ...]
    model: Callable[[], Model]
    seen: Sequence[Arrays]
    byte_images: bool
    scope: ScopeOf


def anchor_row(runs: WholeRuns, expected: np.ndarray, got: np.ndarray, where: Where) -> Row:
    """An artifact's picture of the example run against that of the library's own pipeline.

    Args:
        runs: All whole runs.
        expected: The library's picture, (B,3,H,W) in [0,1].
        got: The artifact's.
        where: The case.
    """
    right = on_8_bit_grid(expected) if runs.byte_images else expected
    alike = right.shape == got.shape and bool(np.all(np.isfinite(got)))
    value = psnr(right, got, peak=1.0) if alike else -float("inf")
    scope = runs.scope("image", reference=runs.references[0])
    return scope.row("anchor_psnr", value, where=where)


class Kind(ABC):
    """One kind of pipeline: its cases, how a run is done, and the levels that only it has.

    Manifest, weights, layers, components, trajectory, picture, size and speed are measured for
    every kind in the same way.
    """

    name: ClassVar[str]
    """What gates files call it."""

    def __init__(self, request: Request, cache: ArrayCache) -> None:
        """
        Args:
            request: What to evaluate.
            cache: Keeps what takes long to make.
        """
        self.request, self.cache = request, cache

    @abstractmethod
    def model(
        self,
        pipeline: PipelineComponents,
        components: HeldComponents,
        runners: Mapping[str, Runner],
    ) -> Model:
        """A checkpoint's components as a model, with the checkpoint's own constants.

        Args:
            pipeline: The checkpoint.
            components: Its components, which say what they take and give.
            runners: The same, ready to run.
        """

    @abstractmethod
    def artifact_model(
        self, artifact: Artifact, runners: Mapping[str, Runner], *, keep: bool = False
    ) -> Model:
        """An artifact's components as an app uses them, with the constants of its manifest."""

    @abstractmethod
    def cases(self, model: Model) -> Cases:
        """The cases of the request's mode.

        Args:
            model: The reference, which says what there is to try.

        Raises:
            SubjectError: The request asks for cases that this kind does not have.
        """

    @abstractmethod
    def coverage(self, cases: Cases, model: Model) -> Coverage:
        """The cases as the report names them."""

    @abstractmethod
    def require(self, name: str, manifest: Manifest) -> None:
        """Raise `SubjectError` where a manifest's constants are none that a run can have.

        Args:
            name: What messages call the artifact.
            manifest: The manifest.
        """

    def translated(self, inputs: Arrays, recorder: Model, manifest: Manifest) -> Arrays:
        """The inputs of a call that the reference's model recorded, as an artifact takes them."""
        return inputs

    @abstractmethod
    def prepare(self, cases: Cases, reference: Reference, batch: tuple[RunCase, ...]) -> None:
        """Put into the cache what the kind's own levels compare the runs of a batch with."""

    def see(
        self,
        cases: Cases,
        reference: Reference,
        batch: tuple[RunCase, ...],
        runs: Sequence[RecordedRun],
    ) -> Arrays:
        """What the kind's own levels keep of an artifact's runs of a batch, for `rows`.

        `reference` is the unquantized one.
        """
        return {}

    def seen_by(self, cases: Cases, batch: tuple[RunCase, ...]) -> str:
        """A name for all that decides what `see` returns for the same runs."""
        return "unseen"

    @abstractmethod
    def rows(self, runs: WholeRuns) -> list[Row]:
        """Rows of the levels that only this kind has."""
