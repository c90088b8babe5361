"""What an evaluation begins with: artifacts opened, and what is known of them without running any;
and what the reference costs, which their costs are told in units of."""

from __future__ import annotations

from components.reference import runner
from eval import speed, subject
from eval.bench import Bench
from eval.errors import UnavailableError
from eval.levels import manifest as manifest_level
from eval.results import REFERENCE_RUNTIME, RUN, Cost, Coverage, Row
from eval.runtimes import Runtime
from eval.runtimes import of as runtimes_of
from eval.subject import Opened
from eval.tally import Scope
from eval.tasks import Opening
from eval.trial import CALLS
from eval.truth import Truth
from eval.whole import SETS


def opening(bench: Bench) -> Opening:
    """Open every artifact.

    Raises:
        ExportError: An artifact is not whole.
        EvalError: It was made from another checkpoint, or the gates cannot be read.
        ComponentsError, QuantizationError: Checkpoint or recipe cannot be read.
    """
    places = range(len(bench.request.artifacts))
    opened = [bench.opened(place) for place in places]
    here, rows = [], []
    for place in places:
        found, missing = _runtimes(opened[place])
        here.append(found)
        truth = bench.truths(place)[-1]
        first = _manifest_rows(opened[place], truth, bench.request.skip)
        rows.append((*first, *_size_rows(opened[place], bench.reference), *missing))
    return Opening(
        subjects=tuple(each.facts for each in opened),
        quantized=tuple(place for place in places if opened[place].quantized is not None),
        runtimes=tuple(here),
        rows=tuple(rows),
        components=bench.reference.pipeline.names,
        batches=bench.batches(),
        coverage=_coverage(bench),
    )


def _runtimes(opened: Opened) -> tuple[tuple[str, ...], list[Row]]:
    """Names of those that are here, and rows of those that are not."""
    here, rows = [], []
    for runtime in runtimes_of(opened.artifact.manifest):
        try:
            runtime.require()
            here.append(runtime.name)
        except UnavailableError as error:
            rows.append(_scope(opened, runtime).unavailable(str(error)))
    return tuple(here), rows


def _scope(opened: Opened, runtime: Runtime) -> Scope:
    return Scope(
        artifact=opened.facts.name, level="components", runtime=runtime.name, gates=opened.gates
    )


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


def _coverage(bench: Bench) -> Coverage:
    cases, reference = bench.cases, bench.reference
    everyone = {ask.shown.person for ask in cases.runs}
    return Coverage(
        digest=cases.digest,
        people=tuple(sorted(everyone)),
        runs=len(cases.runs),
        selfies=tuple(sorted({len(shown.places) for shown in cases.encoded})),
        styles=cases.styles,
        tables={str(steps): reference.table(steps).timesteps for steps in reference.steps},
    )


def baseline(bench: Bench) -> list[Cost]:
    """PyTorch's costs, in this very run."""
    reference, mode, found = bench.reference, bench.request.mode, []
    for name, component in reference.components.items():
        weights = sum(value.numel() for value in component.module.state_dict().values())
        cost, _ = speed.of_component(
            "",
            REFERENCE_RUNTIME,
            name,
            lambda name=name: runner(reference.pipeline.component(name)),  # type: ignore[misc]
            bench.calls[name][0].inputs,
            calls=CALLS[mode],
            file_bytes=0,
            weight_bytes=4 * weights,
            done=bench.work(name),
        )
        found.append(cost)
    if SETS[mode]:
        ask, shape = bench.cases.judged[0], reference.latent_shape
        make = reference.fresh_model
        found.append(speed.of_set("", REFERENCE_RUNTIME, make, ask, shape, SETS[mode]))
    return found
