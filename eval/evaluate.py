"""A whole evaluation: artifacts, each in every runtime, against the checkpoint in PyTorch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch

import components
from avatar.judge import Judge, load_judge
from components import Arrays
from components.reference import runner
from eval import environment, jury, speed, subject
from eval.cases import Ask, Cases, Mode, plan
from eval.drawing import Photos
from eval.levels import manifest as manifest_level
from eval.levels.set import can_be_judged
from eval.results import REFERENCE_RUNTIME, RUN, Cost, Coverage, Report, Row
from eval.runs import BATCH
from eval.runtimes import of as runtimes_of
from eval.store import Store, software
from eval.subject import Opened
from eval.tally import Scope
from eval.trial import CALLS, SETS, Bench, Findings, Tell, Trial
from eval.truth import Truth


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be evaluated, and how.

    Attributes:
        artifacts: Folders.
        checkpoint: The unquantized checkpoint, the reference.
        recipe: Recipe or quantized checkpoint of quantized artifacts; None: where other commands
            write them.
        gates: A gates file for all of them; None: the tier's.
        mode: `quick`, `default` or `full`.
        threads: Inside an operation.
        out: Folder of the report and its pictures.
        cache: Folder of what the reference gave.
        skip: Levels that are left out.
    """

    artifacts: tuple[Path, ...]
    checkpoint: Path
    recipe: Path | None = None
    gates: Path | None = None
    mode: Mode = "default"
    threads: int = 1
    out: Path
    cache: Path
    skip: frozenset[str] = field(default_factory=frozenset)


def evaluate(request: Request, tell: Tell = lambda text: None) -> Report:
    """Evaluate artifacts. Pictures are written below `request.out`, the report is not.

    Raises:
        ExportError: An artifact is not whole.
        EvalError: It was made from another checkpoint, or the gates cannot be read.
        ComponentsError, QuantizationError: Checkpoint or recipe cannot be read.
    """
    started, begin = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    threads = torch.get_num_threads()
    torch.set_num_threads(request.threads)
    try:
        found, cases, subjects, reference = _evaluate(request, tell)
    finally:
        torch.set_num_threads(threads)
    seconds = time.perf_counter() - begin
    return Report(
        mode=request.mode,
        environment=environment.describe(threads=request.threads, started=started, seconds=seconds),
        coverage=_coverage(cases, reference),
        subjects=tuple(opened.facts for opened in subjects),
        rows=tuple(found.rows),
        series=tuple(found.series),
        searches=tuple(found.searches),
        costs=tuple(found.costs),
        comparisons=tuple(found.comparisons),
    )


def _evaluate(request: Request, tell: Tell) -> tuple[Findings, Cases, tuple[Opened, ...], Truth]:
    subjects = tuple(
        subject.open_subject(folder, request.checkpoint, request.recipe, request.gates)
        for folder in request.artifacts
    )
    store = Store(request.cache)
    photos = Photos(store)
    pipeline = components.load(request.checkpoint)
    reference = Truth("reference", pipeline, store, photos)
    cases = plan(request.mode, reference.styles, reference.steps)
    tell("running the PyTorch reference")
    truths = {opened.facts.name: _truths(opened, reference, store, photos) for opened in subjects}
    bench = _bench(request, cases, reference, list(truths.values()), store, photos)
    found = Findings(costs=list(bench.baseline.values()))
    for opened in subjects:
        mine = truths[opened.facts.name]
        found.rows += _manifest_rows(opened, mine[-1], request.skip)
        found.rows += _size_rows(opened, reference)
        for runtime in runtimes_of(opened.artifact.manifest):
            part = Trial(opened, runtime, mine, bench, tell).run()
            for name, values in vars(part).items():
                getattr(found, name).extend(values)
    return found, cases, subjects, reference


def _truths(opened: Opened, reference: Truth, store: Store, photos: Photos) -> tuple[Truth, ...]:
    if opened.quantized is None:
        return (reference,)
    pipeline = opened.quantized.pipeline
    return (reference, Truth("checkpoint", pipeline, store, photos, opened.quantized))


def _bench(
    request: Request,
    cases: Cases,
    reference: Truth,
    truths: Sequence[tuple[Truth, ...]],
    store: Store,
    photos: Photos,
) -> Bench:
    calls = reference.calls(cases)
    judged = "set" not in request.skip and can_be_judged(cases.judged)
    judge = load_judge() if judged else None
    each = {truth.key: truth for group in truths for truth in group}
    seen: dict[str, Arrays] = {}
    if judge is not None:
        seen = {key: _seen(judge, truth, cases.judged, store) for key, truth in each.items()}
        if request.mode == "full":
            seen["drawings"] = _drawings(judge, cases.judged, store)
    timed = {} if "speed" in request.skip else reference.components
    work = {name: speed.work(component) for name, component in timed.items()}
    return Bench(
        cases=cases,
        calls=calls,
        photos=photos,
        judge=judge,
        seen=seen,
        work=work,
        baseline={} if "speed" in request.skip else _baseline(reference, cases, calls, work),
        store=store,
        out=request.out,
        threads=request.threads,
        skip=request.skip,
    )


def _seen(judge: Judge, truth: Truth, asks: tuple[Ask, ...], store: Store) -> Arrays:
    """What the judge sees in a truth's pictures, kept batch by batch."""
    parts = [
        store.get(
            f"{truth.key}/judged-{jury.digest(judge)}-{batch[0].key}-{len(batch)}",
            lambda batch=batch: jury.see(judge, [truth.drawn(ask).avatar for ask in batch]),  # type: ignore[misc]
        )
        for batch in _batches(asks)
    ]
    return jury.stacked(parts)


def _drawings(judge: Judge, asks: tuple[Ask, ...], store: Store) -> Arrays:
    parts = [
        store.get(
            f"drawings-{software()[:20]}/{jury.digest(judge)}-{batch[0].key}-{len(batch)}",
            lambda batch=batch: jury.drawings(judge, batch),  # type: ignore[misc]
        )
        for batch in _batches(asks)
    ]
    return jury.stacked(parts)


def _batches(asks: tuple[Ask, ...]) -> list[tuple[Ask, ...]]:
    return [asks[start : start + BATCH] for start in range(0, len(asks), BATCH)]


def _baseline(
    reference: Truth, cases: Cases, calls: Mapping[str, Sequence], work: Mapping[str, speed.Work]
) -> dict[str, Cost]:
    """PyTorch's costs, in this very run: what other runtimes' are told in units of."""
    found = {}
    for name, component in reference.components.items():
        weights = sum(value.numel() for value in component.module.state_dict().values())
        found[name], _ = speed.of_component(
            "",
            REFERENCE_RUNTIME,
            name,
            lambda name=name: runner(reference.pipeline.component(name)),  # type: ignore[misc]
            calls[name][0].inputs,
            calls=CALLS[cases.mode],
            file_bytes=0,
            weight_bytes=4 * weights,
            done=work[name],
        )
    if cases.mode == "quick":
        return found
    found[RUN] = speed.of_set(
        "",
        REFERENCE_RUNTIME,
        reference.fresh_model,
        cases.judged[0],
        reference.latent_shape,
        SETS[cases.mode],
    )
    return found


def _manifest_rows(opened: Opened, truth: Truth, skip: frozenset[str]) -> list[Row]:
    if "manifest" in skip:
        return []
    scope = Scope(artifact=opened.facts.name, level="manifest", gates=opened.gates)
    return manifest_level.rows(scope, opened.artifact.manifest, truth)


def _size_rows(opened: Opened, reference: Truth) -> list[Row]:
    """Bytes of each kind of model file, and bytes a weight, which gates can name."""
    manifest, made = opened.artifact.manifest, []
    for kind in manifest.components[0].models:
        total = weights = 0
        for name, component in reference.components.items():
            if kind not in manifest.component(name).models:
                continue
            size = subject.size(manifest, name, kind)
            count = sum(value.numel() for value in component.module.state_dict().values())
            total, weights = total + size, weights + count
            made += _sizes(opened, kind, name, size, count)
        made += _sizes(opened, kind, RUN, total, weights)
    return made


def _sizes(opened: Opened, kind: str, component: str, size: int, weights: int) -> list[Row]:
    scope = Scope(
        artifact=opened.facts.name,
        level="size",
        runtime=kind,
        component=component,
        gates=opened.gates,
    )
    return [scope.row("bytes", size), scope.row("bytes_per_weight", size / weights)]


def _coverage(cases: Cases, reference: Truth) -> Coverage:
    everyone = {ask.shown.person for ask in cases.runs}
    return Coverage(
        digest=cases.digest,
        people=tuple(sorted(everyone)),
        runs=len(cases.runs),
        selfies=tuple(sorted({len(shown.places) for shown in cases.encoded})),
        styles=cases.styles,
        tables={str(steps): reference.model.table(steps).timesteps for steps in reference.steps},
    )
