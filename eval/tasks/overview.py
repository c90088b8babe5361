"""The first task: artifacts opened, and what is known of them without running any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eval.artifact import OpenedArtifact
from eval.levels import Scope
from eval.levels import manifest as manifest_level
from eval.reference import Reference
from eval.schema import RUN, Level, Row
from eval.tasks.estimate import estimated_seconds
from eval.tasks.outcomes import Overview
from eval.tasks.workspace import Workspace
from export import UnavailableError, runtimes

FEWEST_WEIGHTS = 1_000_000
"""With fewer, a file is mostly its graph, and its bytes say little about how weights are stored."""


def overview(workspace: Workspace) -> Overview:
    """Open every artifact.

    Raises:
        ExportError: A file of an artifact is missing, foreign or changed.
        EvalError: An artifact was made from another checkpoint, or its gates cannot be read.
        ComponentsError, QuantizationError: The checkpoint or the recipe cannot be read.
    """
    indices = range(len(workspace.request.artifacts))
    opened = [workspace.opened(index) for index in indices]
    here, rows = [], []
    for index in indices:
        names, missing = _runtimes(opened[index])
        here.append(names)
        reference = workspace.references(index)[-1]
        first = _manifest_rows(opened[index], reference, workspace.request.skip)
        sizes = _size_rows(opened[index], workspace.reference)
        rows.append((*first, *sizes, *missing, *_partial_rows(opened[index], names)))
    return Overview(
        subjects=tuple(each.facts for each in opened),
        quantized=tuple(index for index in indices if opened[index].quantized is not None),
        runtimes=tuple(here),
        rows=tuple(rows),
        components=tuple(each.components for each in opened),
        whole=tuple(not each.left_out for each in opened),
        batches=workspace.batches(),
        coverage=workspace.kind.coverage(workspace.cases, workspace.reference.model),
        seconds=estimated_seconds(workspace, here),
    )


def _runtimes(opened: OpenedArtifact) -> tuple[tuple[str, ...], list[Row]]:
    """Names of the runtimes that are here, and rows of those that are not."""
    here, rows = [], []
    for runtime in runtimes.of(opened.artifact.manifest):
        try:
            runtime.require()
            here.append(runtime.name)
        except UnavailableError as error:
            rows.append(_scope(opened, runtime.name).unavailable(str(error)))
    return tuple(here), rows


def _partial_rows(opened: OpenedArtifact, runtimes: Sequence[str]) -> Iterator[Row]:
    """Why an artifact that was exported in part does no whole runs, for each runtime."""
    if opened.left_out:
        missing = ", ".join(opened.left_out)
        for runtime in runtimes:
            scope = _scope(opened, runtime, level="image")
            yield scope.unavailable(f"it was exported without {missing}: no whole runs")


def _scope(opened: OpenedArtifact, runtime: str, level: Level = "components") -> Scope:
    return Scope(artifact=opened.facts.name, level=level, runtime=runtime, gates=opened.gates)


def _manifest_rows(opened: OpenedArtifact, reference: Reference, skip: frozenset[str]) -> list[Row]:
    if "manifest" in skip:
        return []
    scope = Scope(artifact=opened.facts.name, level="manifest", gates=opened.gates)
    return manifest_level.rows(scope, opened.artifact, reference)


def _size_rows(opened: OpenedArtifact, reference: Reference) -> list[Row]:
    """Bytes, and bytes for each weight, of each kind of model file."""
    manifest, rows = opened.artifact.manifest, []
    for kind in manifest.components[0].models:
        total = weights = 0
        for name in opened.components:
            if any(kind not in part.models for part in manifest.parts(name)):
                continue
            size, count = opened.size(name, kind), reference.components.facts(name).weights
            total, weights = total + size, weights + count
            rows += _sizes(opened, kind, name, size, count)
        rows += _sizes(opened, kind, RUN, total, weights)
    return rows


def _sizes(opened: OpenedArtifact, kind: str, component: str, size: int, weights: int) -> list[Row]:
    scope = Scope(
        artifact=opened.facts.name,
        level="size",
        runtime=kind,
        component=component,
        gates=opened.gates,
    )
    rows = [scope.row("bytes", size)]
    if weights >= FEWEST_WEIGHTS:
        rows.append(scope.row("bytes_per_weight", size / weights))
    return rows
