"""Whole runs of one artifact in one runtime, and what follows from all of their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components import Arrays
from eval.cases import RunCase
from eval.levels import CaseFigures, compare_pictures, runs, speed
from eval.pipelines import WholeRuns
from eval.reference import Reference
from eval.schema import Cost, Findings
from eval.tasks import environment
from eval.tasks.evaluation import RuntimeEvaluation


def measure_batch(
    evaluation: RuntimeEvaluation, batch: tuple[RunCase, ...]
) -> Mapping[str, np.ndarray]:
    """The figures of a batch, as arrays.

    A full evaluation takes long and continues after it was stopped, so it keeps the figures under a
    name of all that decides them.
    """
    workspace = evaluation.workspace

    def measure() -> dict[str, np.ndarray]:
        return runs.measure_runs(
            batch,
            evaluation.references,
            evaluation.model,
            lambda drawn: workspace.kind.see(
                workspace.cases, evaluation.references[0], batch, drawn
            ),
            byte_images=evaluation.runtime.byte_images,
        )

    if not workspace.request.mode.full:
        return measure()
    return workspace.cache.get(_key(evaluation, batch), measure)


def _key(evaluation: RuntimeEvaluation, batch: tuple[RunCase, ...]) -> str:
    workspace = evaluation.workspace
    references = "-".join(reference.key for reference in evaluation.references)
    artifact = f"{evaluation.opened.facts.manifest[:20]}-{evaluation.runtime.name}"
    seen_by = workspace.kind.seen_by(workspace.cases, batch)
    measured_by = environment.digest(workspace.request.threads)
    batch_name = f"batch-{batch[0].key}-{len(batch)}"
    return f"full/{artifact}/{references}/{seen_by}/{measured_by}/{batch_name}"


def combine(evaluation: RuntimeEvaluation, parts: Sequence[Arrays]) -> Findings:
    """Rows, pictures and costs of whole runs.

    Args:
        evaluation: The artifact in a runtime.
        parts: The figures of all batches, in their order; empty where a batch has none.
    """
    evaluation.found = Findings()
    if parts:
        with evaluation.caught(evaluation.scope("image")):
            _combine(evaluation, parts)
    timed = evaluation.workspace.timed and evaluation.workspace.request.mode.timed_sets
    if timed and not evaluation.opened.left_out:
        with evaluation.caught(evaluation.scope("speed")):
            evaluation.cost(_cost(evaluation))
    return evaluation.found


def _combine(evaluation: RuntimeEvaluation, parts: Sequence[Arrays]) -> None:
    workspace = evaluation.workspace
    skip = workspace.request.skip
    collected = _collected(evaluation, parts)
    for figures, reference in zip(collected, evaluation.references, strict=True):
        if "trajectory" not in skip:
            evaluation.keep(figures.trajectory)
        if "image" not in skip:
            evaluation.keep(figures.image)
            _pictures(evaluation, figures.image, reference)
    evaluation.found.rows += workspace.kind.rows(
        WholeRuns(
            cases=workspace.cases,
            references=evaluation.references,
            model=lambda: evaluation.model,
            seen=runs.seen(parts),
            byte_images=evaluation.runtime.byte_images,
            scope=evaluation.scope,
        )
    )


def _collected(evaluation: RuntimeEvaluation, parts: Sequence[Arrays]) -> list[runs.RunFigures]:
    collected = [
        runs.RunFigures(
            trajectory=CaseFigures(evaluation.scope("trajectory", reference=reference)),
            image=CaseFigures(evaluation.scope("image", reference=reference)),
        )
        for reference in evaluation.references
    ]
    for batch, part in zip(evaluation.workspace.batches(), parts, strict=True):
        runs.collect(collected, evaluation.references, batch, part)
    return collected


def _pictures(evaluation: RuntimeEvaluation, figures: CaseFigures, reference: Reference) -> None:
    """The worst and the typical run to look at; FLIP, which is slow, is computed for these only."""
    comparisons, files = compare_pictures(
        figures,
        evaluation.workspace.cases,
        reference,
        evaluation.model,
        byte_images=evaluation.runtime.byte_images,
    )
    evaluation.found.comparisons += comparisons
    evaluation.found.pictures |= files
    worst = max(comparisons, key=lambda pair: pair.metrics["flip"])
    row = figures.scope.row(
        "flip", worst.metrics["flip"], where=worst.where, count=len(comparisons)
    )
    evaluation.found.rows.append(row)


def _cost(evaluation: RuntimeEvaluation) -> Cost:
    workspace = evaluation.workspace
    return speed.time_runs(
        evaluation.opened.facts.name,
        evaluation.runtime.name,
        evaluation.fresh_model,
        workspace.cases.timed,
        workspace.request.mode.timed_sets,
        beside=workspace.reference.fresh_model,
    )
