"""The evaluation of one artifact in one runtime: its components, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from pathlib import Path
from statistics import median

import numpy as np

from components import Arrays, Runner
from components.reference import OneAtATime
from eval import graphs
from eval.graphs import Graph
from eval.levels import CaseFigures, Scope, components, read_back, search, speed, unused
from eval.reference import Call, Model, Reference
from eval.schema import RUN, Cost, Findings, LayerSearch, Level, Row, Where
from eval.tasks.artifact_runtime import ArtifactRuntime
from eval.tasks.workspace import Workspace
from export import runtimes


class RuntimeEvaluation:
    """An artifact in a runtime. Whatever raises becomes a failed row, and the rest goes on."""

    def __init__(self, workspace: Workspace, needs: ArtifactRuntime) -> None:
        """
        Args:
            workspace: What the tasks of this process share.
            needs: The artifact and the runtime.
        """
        self.workspace, self.needs = workspace, needs
        self.opened = workspace.opened(needs.index)
        self.references = workspace.references(needs.index)
        self.runtime = runtimes.named(needs.runtime)
        self.found = Findings()
        self.graph = lru_cache(self._graph)
        self._loaded: dict[str, Runner] = {}

    def component(self, name: str) -> Findings:
        """Evaluate one component at all of its levels."""
        self.found = Findings()
        skip = self.workspace.request.skip
        if "weights" not in skip:
            with self.caught(self.scope("weights", name)):
                self._weights(name)
        with self.caught(self.scope("components", name)):
            self._load(name)
            if "components" not in skip:
                self._calls(name)
        if self.workspace.large:
            self._forget()
        return self.found

    def scope(
        self, level: Level, component: str = RUN, reference: Reference | None = None
    ) -> Scope:
        """What figures at a level are about, with the gates that hold against a reference."""
        against = reference.against if reference else "reference"
        of_checkpoint = against == "checkpoint" and self.opened.checkpoint_gates is not None
        gates = self.opened.checkpoint_gates if of_checkpoint else self.opened.gates
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
        """Turn an exception inside into a failed row: no report is lost to one runtime's error."""
        try:
            yield
        except Exception as error:
            self.found.rows.append(scope.crashed(error))

    @cached_property
    def model(self) -> Model:
        """The artifact with all components; except in a full evaluation, it keeps its runs."""
        keep = not self.workspace.request.mode.full
        if self.workspace.large:
            self._forget()
            return self._model(OneAtATime(self._names, self._load_anew), keep=keep)
        for name in self._names:
            if name not in self._loaded:
                self._loaded[name] = self._load_anew(name)
        return self._model(self._loaded, keep=keep)

    def fresh_model(self) -> Model:
        """The same model, which has not computed anything yet."""
        return self._model(self.model.runners, keep=False)

    def translated(self, call: Call) -> Arrays:
        """The inputs of a recorded call as the artifact takes them."""
        recorder, manifest = self.references[0].model, self.opened.artifact.manifest
        return self.workspace.kind.translated(call.inputs, recorder, manifest)

    def keep(self, figures: CaseFigures) -> Sequence[Row]:
        """Add the rows and series of figures to the findings; returns the rows."""
        rows = figures.rows()
        self.found.rows += rows
        self.found.series += figures.series()
        return rows

    def cost(self, cost: Cost) -> None:
        """Add a cost and its rows to the findings."""
        self.found.costs.append(cost)
        scope = self.scope("speed", cost.component)
        if cost.ratio is not None:
            self.found.rows.append(scope.row("ratio", cost.ratio, count=len(cost.warm)))
        self.found.rows.append(scope.row("seconds", median(cost.warm), count=len(cost.warm)))

    @property
    def _names(self) -> tuple[str, ...]:
        return self.references[0].pipeline.names

    def _model(self, runners: Mapping[str, Runner], *, keep: bool) -> Model:
        return self.workspace.kind.artifact_model(self.opened.artifact, runners, keep=keep)

    def _forget(self) -> None:
        """Let go of everything large: components on both sides, and what is read from files."""
        self._loaded.clear()
        self.graph.cache_clear()
        for reference in self.references:
            reference.components.forget()

    def _graph(self, name: str) -> Graph:
        return graphs.read(self.runtime.kind, self._file(name))

    def _inner_values(self, name: str, inputs: Arrays) -> Iterator[tuple[str, np.ndarray]]:
        if self.runtime.opaque:
            raise NotImplementedError(self.runtime.opaque)
        return graphs.inner_values(self.runtime.kind, self._file(name), inputs)

    def _file(self, name: str) -> Path:
        if self.opened.artifact.manifest.cut(name) is not None:
            raise NotImplementedError("it is cut into chunks, whose graphs are not joined")
        return self.opened.artifact.model(name, self.runtime.kind)

    def _weights(self, name: str) -> None:
        reference = self.references[-1]
        scope = self.scope("weights", name, reference)
        try:
            graph = self.graph(name)
        except NotImplementedError as error:
            self.found.rows.append(scope.unavailable(str(error)))
            return
        half = self.opened.artifact.manifest.options.get("precision") == "fp16"
        held = read_back(graph, reference.state(name), half=half)
        where = Where(detail="")
        if held.wrong:
            worst, relative = held.wrong[0]
            where = Where(detail=f"{worst}, off by {relative:.2g} of its size")
        left_out = unused(reference.components[name], held.missing)
        missing = [weight for weight in held.missing if weight not in left_out]
        count = len(held.right) + len(held.wrong) + len(missing)
        self.found.rows.append(scope.row("wrong", len(held.wrong), where=where, count=count))
        gone = Where(detail=", ".join(missing[:3]))
        self.found.rows.append(scope.row("missing", len(missing), where=gone, count=count))

    def _loader(self, name: str) -> partial[Runner]:
        folder, threads = self.opened.artifact.folder, self.workspace.request.threads
        return partial(self.runtime.load, folder, name, threads)

    def _load_anew(self, name: str) -> Runner:
        return self._loader(name)()

    def _load(self, name: str) -> None:
        """Load a component, timed if speed is evaluated."""
        if not self.workspace.timed:
            self._loaded[name] = self._load_anew(name)
            return
        call = self.workspace.calls[name][0]
        size = self.opened.size(name, self.runtime.kind)
        cost, self._loaded[name] = speed.time_component(
            self.opened.facts.name,
            self.runtime.name,
            name,
            self._loader(name),
            self.translated(call),
            calls=self.workspace.cases.mode.warm_calls,
            file_bytes=size,
            weight_bytes=size,
            work=self.workspace.work(name),
            beside=lambda: self.references[0].model.runners[name](call.inputs),
        )
        self.cost(cost)

    def _calls(self, name: str) -> None:
        collected = [
            CaseFigures(self.scope("components", name, reference)) for reference in self.references
        ]
        components.measure_calls(
            collected,
            self.references,
            self.workspace.calls[name],
            self._loaded[name],
            self.translated,
            byte_images=self.runtime.byte_images,
        )
        for figures in collected:
            self.keep(figures)
        self._search(name, collected[-1], self.references[-1])

    def _search(self, name: str, figures: CaseFigures, reference: Reference) -> None:
        """Compare the worst case layer by layer, and name the layer if the component failed."""
        if reason := self._not_searched(name, reference):
            self.found.searches.append(
                LayerSearch(
                    artifact=figures.scope.artifact,
                    runtime=figures.scope.runtime,
                    component=name,
                    against=figures.scope.against,
                    where=figures.worst(),
                    layers=(),
                    note=reason,
                )
            )
            return
        failed = any(row.verdict == "failed" for row in figures.rows())
        call = next(call for call in self.workspace.calls[name] if call.where == figures.worst())
        values = partial(self._inner_values, name, self.translated(call))
        found, rows = search(figures.scope, values, self.graph, call, reference, failed=failed)
        self.found.searches.append(found)
        self.found.rows += rows

    def _not_searched(self, name: str, reference: Reference) -> str:
        """Why a component's layers are not compared one by one; empty where they are."""
        mode, weights = self.workspace.request.mode, reference.components.facts(name).weights
        if not mode.searched_weights or weights <= mode.searched_weights:
            return ""
        return f"{weights / 1e6:.0f} million weights are too many for mode {mode.name}"
