"""Whole runs of one artifact in one runtime, and what follows from all of their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components import Arrays
from eval.cases import RunCase
from eval.levels import CaseFigures, compare_pictures, image, judging, runs, set, speed
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
    judge = workspace.judge_of(batch)

    def measure() -> dict[str, np.ndarray]:
        byte_images = evaluation.runtime.byte_images
        return runs.measure_runs(
            batch, evaluation.references, evaluation.model, judge, byte_images=byte_images
        )

    if not workspace.request.mode.full:
        return measure()
    return workspace.cache.get(_key(evaluation, batch), measure)


def _key(evaluation: RuntimeEvaluation, batch: tuple[RunCase, ...]) -> str:
    judge = evaluation.workspace.judge
    references = "-".join(reference.key for reference in evaluation.references)
    artifact = f"{evaluation.opened.facts.manifest[:20]}-{evaluation.runtime.name}"
    judged = judging.digest(judge) if judge else "unjudged"
    measured_by = environment.digest(evaluation.workspace.request.threads)
    batch_name = f"batch-{batch[0].key}-{len(batch)}"
    return f"full/{artifact}/{references}/{judged}/{measured_by}/{batch_name}"


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
    if evaluation.workspace.timed and evaluation.workspace.request.mode.timed_sets:
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
    if "image" not in skip:
        _invariances(evaluation)
    if workspace.judge is not None:
        _set(evaluation, runs.seen(parts))


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


def _invariances(evaluation: RuntimeEvaluation) -> None:
    cases, reference = evaluation.workspace.cases, evaluation.references[-1]
    figures = CaseFigures(evaluation.scope("image", reference=reference))
    tried = image.invariance_runs(cases.spread, cases.mode.invariance_runs)
    evaluation.found.rows += image.invariances(figures, tried, evaluation.model, reference)


def _set(evaluation: RuntimeEvaluation, seen: Sequence[Arrays]) -> None:
    workspace = evaluation.workspace
    judged, got = workspace.cases.judged, judging.joined(seen)
    batches = [batch for batch in workspace.batches() if workspace.judge_of(batch)]
    for reference in evaluation.references:
        scope = evaluation.scope("set", reference=reference)
        expected = judging.joined([workspace.seen(reference, batch) for batch in batches])
        evaluation.found.rows += set.rows(scope, judged, expected, got)
        if workspace.request.mode.full:
            drawn = judging.joined([workspace.seen_drawings(batch) for batch in batches])
            evaluation.found.rows += set.full_rows(scope, judged, drawn, expected, got)


def _cost(evaluation: RuntimeEvaluation) -> Cost:
    workspace = evaluation.workspace
    assert evaluation.model  # loads the components that are not loaded yet
    return speed.time_set(
        evaluation.opened.facts.name,
        evaluation.runtime.name,
        evaluation.fresh_model,
        workspace.cases.judged[0],
        workspace.reference.latent_shape,
        workspace.request.mode.timed_sets,
        beside=workspace.reference.fresh_model,
    )
