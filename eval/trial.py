"""One artifact in one runtime: its components, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from statistics import median

import numpy as np

from components import Runner
from eval import speed, subject
from eval.bench import Bench
from eval.drawing import Model
from eval.findings import Findings
from eval.levels import components
from eval.levels.weights import read_back
from eval.programs import Program
from eval.results import RUN, Cost, Level, Row, Where
from eval.runtimes import named
from eval.search import search
from eval.tally import Scope, Tally
from eval.truth import Truth

CALLS = {"quick": 2, "default": 4, "full": 20}
"""Warm calls of a component that are timed."""


class Trial:
    """An artifact in a runtime. Whatever raises becomes a failed row; the rest goes on."""

    def __init__(self, bench: Bench, place: int, runtime: str) -> None:
        """`place` is the artifact's in the request."""
        self.bench, self.at = bench, (place, runtime)
        self.opened, self.truths = bench.opened(place), bench.truths(place)
        self.runtime = named(runtime)
        self.found = Findings()
        self.program = lru_cache(self._program)
        self._loaded: dict[str, Runner] = {}

    def component(self, name: str) -> Findings:
        """All levels of one component."""
        self.found = Findings()
        skip = self.bench.request.skip
        if "weights" not in skip:
            with self.caught(self.scope("weights", name)):
                self._weights(name)
        with self.caught(self.scope("components", name)):
            self._load(name)
            if "components" not in skip:
                self._calls(name)
        return self.found

    def scope(self, level: Level, component: str = RUN, truth: Truth | None = None) -> Scope:
        """What a figure is about."""
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
    def caught(self, scope: Scope) -> Iterator[None]:
        """What raises inside becomes a failed row: no report is lost to one runtime's error."""
        try:
            yield
        except Exception as error:
            self.found.rows.append(scope.crashed(error))

    @cached_property
    def model(self) -> Model:
        """The whole artifact; it knows what it has drawn, but in a full evaluation."""
        for name in self.truths[0].pipeline.names:
            if name not in self._loaded:
                self._loaded[name] = self._loader(name)()
        return self._model(keep=self.bench.request.mode != "full")

    def fresh_model(self) -> Model:
        """The same, knowing nobody's identity tokens yet."""
        return self._model(keep=False)

    def _model(self, *, keep: bool) -> Model:
        manifest = self.opened.artifact.manifest
        return subject.model(manifest, self._loaded, self.bench.photos, keep=keep)

    def _program(self, name: str) -> Program:
        return self.runtime.program(self.opened.artifact.folder, name)

    def _weights(self, name: str) -> None:
        truth = self.truths[-1]
        scope = self.scope("weights", name, truth)
        try:
            program = self.program(name)
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

    def _loader(self, name: str) -> partial[Runner]:
        folder, threads = self.opened.artifact.folder, self.bench.request.threads
        return partial(self.runtime.load, folder, name, threads)

    def _load(self, name: str) -> None:
        """Load a component, timed where speed is asked for."""
        if not self.bench.timed:
            self._loaded[name] = self._loader(name)()
            return
        call = self.bench.calls[name][0]
        inputs = subject.translated(call.inputs, self.truths[0].styles, self.fresh_model())
        size = subject.size(self.opened.artifact.manifest, name, self.runtime.kind)
        cost, self._loaded[name] = speed.of_component(
            self.opened.facts.name,
            self.runtime.name,
            name,
            self._loader(name),
            inputs,
            calls=CALLS[self.bench.cases.mode],
            file_bytes=size,
            weight_bytes=size,
            done=self.bench.work(name),
            beside=lambda: self.truths[0].model.runners[name](call.inputs),
        )
        self.cost(cost)

    def cost(self, cost: Cost) -> None:
        """A cost and its rows."""
        self.found.costs.append(cost)
        scope = self.scope("speed", cost.component)
        if cost.ratio is not None:
            self.found.rows.append(scope.row("ratio", cost.ratio, count=len(cost.warm)))
        self.found.rows.append(scope.row("seconds", median(cost.warm), count=len(cost.warm)))

    def _calls(self, name: str) -> None:
        tallies = [Tally(self.scope("components", name, truth)) for truth in self.truths]
        components.run(
            tallies,
            self.truths,
            self.bench.calls[name],
            self._loaded[name],
            self.fresh_model(),
            byte_images=self.runtime.byte_images,
        )
        for tally in tallies:
            self.keep(tally)
        self._search(name, tallies[-1], self.truths[-1])

    def keep(self, tally: Tally) -> Sequence[Row]:
        """A tally's rows and series."""
        made = tally.rows()
        self.found.rows += made
        series = (tally.series(metric) for metric in ("psnr", "snr"))
        self.found.series += [each for each in series if each is not None]
        return made

    def _search(self, name: str, tally: Tally, truth: Truth) -> None:
        """Layer by layer through the worst case; where the component failed, name the layer."""
        fell = any(row.verdict == "failed" for row in tally.rows())
        call = next(call for call in self.bench.calls[name] if call.where == tally.worst())
        inputs = subject.translated(call.inputs, self.truths[0].styles, self.fresh_model())
        folder = self.opened.artifact.folder
        values = partial(self.runtime.values, folder, name, inputs)
        made, rows = search(tally.scope, values, self.program, call, truth, fell=fell)
        self.found.searches.append(made)
        self.found.rows += rows


def state_of(truth: Truth, name: str) -> dict[str, np.ndarray]:
    """Parameters and buffers of floats of a component, by name."""
    state = truth.components[name].module.state_dict()
    return {key: value.numpy() for key, value in state.items() if value.is_floating_point()}
