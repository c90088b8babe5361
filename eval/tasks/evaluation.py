"""The evaluation of one artifact in one runtime: its components, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from pathlib import Path
from statistics import median

import numpy as np

from components import Arrays, Runner
from eval import graphs
from eval.graphs import Graph
from eval.levels import CaseFigures, Scope, components, read_back, search, speed
from eval.reference import Reference, RunnableModel
from eval.schema import RUN, Cost, Findings, Level, Row, Where
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
    def model(self) -> RunnableModel:
        """The artifact with all components; except in a full evaluation, it keeps its runs."""
        for name in self.references[0].pipeline.names:
            if name not in self._loaded:
                self._loaded[name] = self._loader(name)()
        return self._model(keep=not self.workspace.request.mode.full)

    def fresh_model(self) -> RunnableModel:
        """The same model, which has not computed any identity tokens yet."""
        return self._model(keep=False)

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

    def _model(self, *, keep: bool) -> RunnableModel:
        return self.opened.model(self._loaded, self.workspace.selfies, keep=keep)

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
        count = len(held.right) + len(held.wrong) + len(held.missing)
        self.found.rows.append(scope.row("wrong", len(held.wrong), where=where, count=count))
        gone = Where(detail=", ".join(held.missing[:3]))
        self.found.rows.append(scope.row("missing", len(held.missing), where=gone, count=count))

    def _loader(self, name: str) -> partial[Runner]:
        folder, threads = self.opened.artifact.folder, self.workspace.request.threads
        return partial(self.runtime.load, folder, name, threads)

    def _load(self, name: str) -> None:
        """Load a component, timed if speed is evaluated."""
        if not self.workspace.timed:
            self._loaded[name] = self._loader(name)()
            return
        call = self.workspace.calls[name][0]
        size = self.opened.size(name, self.runtime.kind)
        cost, self._loaded[name] = speed.time_component(
            self.opened.facts.name,
            self.runtime.name,
            name,
            self._loader(name),
            self.fresh_model().translated(call.inputs, self.references[0].styles),
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
            self.fresh_model(),
            byte_images=self.runtime.byte_images,
        )
        for figures in collected:
            self.keep(figures)
        self._search(name, collected[-1], self.references[-1])

    def _search(self, name: str, figures: CaseFigures, reference: Reference) -> None:
        """Compare the worst case layer by layer, and name the layer if the component failed."""
        failed = any(row.verdict == "failed" for row in figures.rows())
        call = next(call for call in self.workspace.calls[name] if call.where == figures.worst())
        inputs = self.fresh_model().translated(call.inputs, self.references[0].styles)
        values = partial(self._inner_values, name, inputs)
        found, rows = search(figures.scope, values, self.graph, call, reference, failed=failed)
        self.found.searches.append(found)
        self.found.rows += rows
