"""One artifact in one runtime, through all levels that run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from avatar.judge import Judge
from components import Arrays, Runner
from eval import jury, pictures, runs, speed, subject
from eval.cases import Ask, Cases
from eval.drawing import Model, Photos
from eval.errors import UnavailableError
from eval.levels import components, image, set
from eval.levels.weights import read_back
from eval.results import (
    RUN,
    Comparison,
    Cost,
    LayerSearch,
    Level,
    Row,
    Series,
    Where,
)
from eval.runtimes import Runtime
from eval.search import search
from eval.store import Store
from eval.subject import Opened
from eval.tally import Scope, Tally
from eval.truth import Call, Truth

CALLS = {"quick": 3, "default": 4, "full": 20}
"""Warm calls of a component that are timed."""
SETS = {"quick": 0, "default": 1, "full": 5}
"""Sets of avatars that are timed after a first one; a quick evaluation times components only."""
LAWS = {"quick": 1, "default": 2, "full": 4}
"""Runs on which what must not change the picture is tried."""

Tell = Callable[[str], None]


@dataclass
class Findings:
    """What has been found so far."""

    rows: list[Row] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    searches: list[LayerSearch] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all trials share.

    Attributes:
        cases: What artifacts are tried on.
        calls: Of each component, recorded from the reference.
        photos: Selfies.
        judge: None where no level needs it.
        seen: What the judge sees in each truth's pictures, by the truth's key.
        work: What a call of each component computes.
        baseline: PyTorch's costs, by component.
        store: Keeps batches of a full evaluation.
        out: The report's folder.
        threads: Inside an operation.
        skip: Levels that are left out.
    """

    cases: Cases
    calls: Mapping[str, tuple[Call, ...]]
    photos: Photos
    judge: Judge | None
    seen: Mapping[str, Arrays]
    work: Mapping[str, speed.Work]
    baseline: Mapping[str, Cost]
    store: Store
    out: Path
    threads: int
    skip: frozenset[str]


class Trial:
    """An artifact in a runtime. Whatever raises becomes a failed row; the rest goes on."""

    def __init__(
        self, opened: Opened, runtime: Runtime, truths: Sequence[Truth], bench: Bench, tell: Tell
    ) -> None:
        """`truths` are the reference and, for a quantized artifact, its checkpoint."""
        self.opened, self.runtime, self.truths, self.bench = opened, runtime, truths, bench
        self.tell = tell
        self.found = Findings()
        self._loaded: dict[str, Runner] = {}

    def run(self) -> Findings:
        """All levels."""
        try:
            self.runtime.require()
        except UnavailableError as error:
            self.found.rows.append(self._scope("components").unavailable(str(error)))
            return self.found
        for name in self.truths[0].pipeline.names:
            self._component(name)
        self._runs()
        if RUN in self.bench.baseline:
            self._set_speed()
        return self.found

    def _scope(self, level: Level, component: str = RUN, truth: Truth | None = None) -> Scope:
        against = truth.against if truth else "reference"
        strict = against == "checkpoint" and self.opened.strict is not None
        gates = self.opened.strict if strict else self.opened.gates
        assert gates is not None
        return Scope(
            artifact=self.opened.facts.name,
            level=level,
            runtime=self.runtime.name,
            component=component,
            against=against,
            gates=gates,
        )

    @contextmanager
    def _caught(self, scope: Scope) -> Iterator[None]:
        """What raises inside becomes a failed row: no report is lost to one runtime's crash."""
        try:
            yield
        except Exception as error:
            self.found.rows.append(scope.crashed(error))

    @property
    def _model(self) -> Model:
        return subject.model(self.opened.artifact.manifest, self._loaded, self.bench.photos)

    def _component(self, name: str) -> None:
        self.tell(f"{self.opened.facts.name}: {name} in {self.runtime.name}")
        if "weights" not in self.bench.skip:
            with self._caught(self._scope("weights", name)):
                self._weights(name)
        with self._caught(self._scope("components", name)):
            self._load(name)
            if "components" not in self.bench.skip:
                self._calls(name)

    def _weights(self, name: str) -> None:
        truth = self.truths[-1]
        scope = self._scope("weights", name, truth)
        try:
            program = self.runtime.program(self.opened.artifact.folder, name)
        except NotImplementedError as error:
            self.found.rows.append(scope.unavailable(str(error)))
            return
        half = self.opened.artifact.manifest.options.get("precision") == "fp16"
        held = read_back(program, state_of(truth, name), half=half)
        where = Where(detail="")
        if held.wrong:
            worst, off = held.wrong[0]
            where = Where(detail=f"{worst}, off by {off:.2g} of its size")
        count = len(held.right) + len(held.wrong) + len(held.missing)
        self.found.rows.append(scope.row("wrong", len(held.wrong), where=where, count=count))
        gone = Where(detail=", ".join(held.missing[:3]))
        self.found.rows.append(scope.row("missing", len(held.missing), where=gone, count=count))

    def _load(self, name: str) -> None:
        """Load a component, timed where speed is asked for."""
        folder, manifest = self.opened.artifact.folder, self.opened.artifact.manifest
        load = partial(self.runtime.load, folder, name, self.bench.threads)
        if "speed" in self.bench.skip:
            self._loaded[name] = load()
            return
        call = self.bench.calls[name][0]
        inputs = subject.translated(call.inputs, self.truths[0].styles, self._model)
        size = subject.size(manifest, name, self.runtime.kind)
        cost, self._loaded[name] = speed.of_component(
            self.opened.facts.name,
            self.runtime.name,
            name,
            load,
            inputs,
            calls=CALLS[self.bench.cases.mode],
            file_bytes=size,
            weight_bytes=size,
            done=self.bench.work[name],
            beside=lambda: self.truths[0].model.runners[name](call.inputs),
        )
        self._cost(cost)

    def _cost(self, cost: Cost) -> None:
        self.found.costs.append(cost)
        scope = self._scope("speed", cost.component)
        if cost.ratio is not None:
            self.found.rows.append(scope.row("ratio", cost.ratio, count=len(cost.warm)))
        self.found.rows.append(scope.row("seconds", median(cost.warm), count=len(cost.warm)))

    def _calls(self, name: str) -> None:
        tallies = [Tally(self._scope("components", name, truth)) for truth in self.truths]
        components.run(
            tallies,
            self.truths,
            self.bench.calls[name],
            self._loaded[name],
            self._model,
            byte_images=self.runtime.byte_images,
        )
        for tally in tallies:
            self._keep(tally)
        self._search(name, tallies[-1], self.truths[-1])

    def _keep(self, tally: Tally) -> list[Row]:
        made = tally.rows()
        self.found.rows += made
        series = (tally.series(metric) for metric in ("psnr", "snr"))
        self.found.series += [each for each in series if each is not None]
        return made

    def _search(self, name: str, tally: Tally, truth: Truth) -> None:
        """Layer by layer through the worst case; where the component failed, name the layer."""
        fell = any(row.verdict == "failed" for row in tally.rows())
        call = next(call for call in self.bench.calls[name] if call.where == tally.worst())
        inputs = subject.translated(call.inputs, self.truths[0].styles, self._model)
        folder = self.opened.artifact.folder
        made, rows = search(tally.scope, self.runtime, folder, call, inputs, truth, fell=fell)
        self.found.searches.append(made)
        self.found.rows += rows

    def _runs(self) -> None:
        skip = self.bench.skip
        if {"trajectory", "image", "set"} <= skip:
            return
        self.tell(f"{self.opened.facts.name}: whole runs in {self.runtime.name}")
        tallies = [
            runs.Tallies(
                trajectory=Tally(self._scope("trajectory", truth=truth)),
                image=Tally(self._scope("image", truth=truth)),
            )
            for truth in self.truths
        ]
        judge = None if "set" in skip else self.bench.judge
        with self._caught(self._scope("image")):
            keep = self.bench.cases.mode != "full"
            manifest = self.opened.artifact.manifest
            model = subject.model(manifest, self._loaded, self.bench.photos, keep=keep)
            seen = runs.run(
                tallies,
                self.truths,
                self.bench.cases,
                model,
                judge,
                self._keeper(),
                byte_images=self.runtime.byte_images,
            )
            for tally, truth in zip(tallies, self.truths, strict=True):
                if "trajectory" not in skip:
                    self._keep(tally.trajectory)
                if "image" not in skip:
                    self._keep(tally.image)
                    self._pictures(tally.image, truth, model)
            if "image" not in skip:
                laws = image.Laws.of(self.bench.cases.spread, LAWS[self.bench.cases.mode])
                made = laws.rows(Tally(self._scope("image")), model, self.truths[-1])
                self.found.rows += made
            if judge is not None:
                self._set(seen)

    def _pictures(self, tally: Tally, truth: Truth, model: Model) -> None:
        """The worst and the typical run to look at; FLIP, which is slow, is of these alone."""
        made = pictures.compare(
            self.bench.out,
            tally,
            self.bench.cases,
            truth,
            model,
            byte_images=self.runtime.byte_images,
        )
        self.found.comparisons += made
        worst = max(made, key=lambda pair: pair.metrics["flip"])
        self.found.rows.append(
            tally.scope.row("flip", worst.metrics["flip"], where=worst.where, count=len(made))
        )

    def _keeper(self) -> runs.Keep:
        """A full evaluation takes long, and goes on where it was: what it keeps is named by
        everything that decides it."""
        if self.bench.cases.mode != "full":
            return lambda name, make: make()
        truths = "-".join(truth.key for truth in self.truths)
        judge = jury.digest(self.bench.judge) if self.bench.judge else "unjudged"
        artifact = f"{self.opened.facts.manifest[:20]}-{self.runtime.name}"
        folder = f"full/{artifact}/{truths}/{judge}"
        return lambda name, make: self.bench.store.get(f"{folder}/{name}", make)

    def _set(self, seen: Mapping[Ask, Arrays]) -> None:
        asks = self.bench.cases.judged
        got = jury.joined([seen[ask] for ask in asks])
        for truth in self.truths:
            scope = self._scope("set", truth=truth)
            expected = jury.joined([self.bench.seen[truth.key]])
            self.found.rows += set.rows(scope, asks, expected, got)
            if self.bench.cases.mode == "full":
                drawn = jury.joined([self.bench.seen["drawings"]])
                self.found.rows += set.full_rows(scope, asks, drawn, expected, got)

    def _set_speed(self) -> None:
        with self._caught(self._scope("speed")):
            cost = speed.of_set(
                self.opened.facts.name,
                self.runtime.name,
                lambda: self._model,
                self.bench.cases.judged[0],
                self.truths[0].latent_shape,
                SETS[self.bench.cases.mode],
                beside=self.truths[0].fresh_model,
            )
            self._cost(cost)


def state_of(truth: Truth, name: str) -> dict[str, np.ndarray]:
    """Parameters and buffers of floats of a component, by name."""
    state = truth.components[name].module.state_dict()
    return {key: value.numpy() for key, value in state.items() if value.is_floating_point()}
